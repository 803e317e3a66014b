import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch } from 'node:process';
import { probeIoUring } from '@smartcopy/native';
import { z } from 'zod';
import type { AgentFacts } from '../sync/sync-loop.ts';
import { readCpus, usableCpuCount } from '../system/cpus.ts';
import type { HostFiles } from '../system/host-files.ts';
import { readKernel } from '../system/kernel.ts';
import { readMemory } from '../system/memory.ts';

/** This process and what it can do here. Asked once: what a container may use does not change while it lives. */
export function describeAgent(host: HostFiles): AgentFacts {
  const kernel = readKernel(host);
  const memory = readMemory(host);
  return {
    instanceId: randomUUID(),
    version: readVersion(),
    capabilities: {
      kernelRelease: kernel.release.slice(0, 64),
      architecture: arch,
      cpuCount: Math.max(1, usableCpuCount(readCpus(host))),
      memoryBytes: Math.min(memory.totalBytes ?? Number.MAX_SAFE_INTEGER, memory.limit?.value ?? Number.MAX_SAFE_INTEGER),
      ioUring: probeIoUring().available ? kernel.ioUring.support : 'None',
    },
  };
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
