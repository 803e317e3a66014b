import { statfsSync } from 'node:fs';
import { probeIoUring } from '@smartcopy/native';
import { type CpuFacts, readCpus, usableCpuCount } from './cpus.ts';
import { HostFiles } from './host-files.ts';
import { type KernelFacts, readKernel } from './kernel.ts';
import { type MemoryFacts, readMemory } from './memory.ts';
import { mountIdOf, readMounts } from './mounts.ts';
import { describeStorage, type StorageFacts } from './storage.ts';
import { chooseThreadCount } from './thread-count.ts';

/** What this host offers a copy. */
export interface HostFacts {
  readonly cpus: CpuFacts & {
    readonly usableCount: number;
    /** What `--threads 0` would be. */
    readonly threadCount: number;
  };
  readonly memory: MemoryFacts;
  readonly kernel: KernelFacts;
  /** Whether a ring could really be made, and if not, the error's name. */
  readonly ioUringProbe: ReturnType<typeof probeIoUring>;
  readonly places: readonly PlaceFacts[];
}

export interface PlaceFacts {
  /** As it was given. */
  readonly path: Uint8Array;
  readonly storage?: StorageFacts;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  readonly freeFileCount: number;
}

/**
 * Reads the facts of the host this process runs on. Changes nothing.
 * @throws NodeJS.ErrnoException when one of the paths cannot be looked at
 */
export function describeHost(paths: readonly Uint8Array[]): HostFacts {
  const host = new HostFiles('/');
  const cpus = readCpus(host);
  return {
    cpus: { ...cpus, usableCount: usableCpuCount(cpus), threadCount: chooseThreadCount(cpus) },
    memory: readMemory(host),
    kernel: readKernel(host),
    ioUringProbe: probeIoUring(),
    places: paths.map((path) => describePlace(host, path)),
  };
}

function describePlace(host: HostFiles, path: Uint8Array): PlaceFacts {
  const mountId = mountIdOf(path);
  const mount = readMounts(host).find((candidate) => candidate.id === mountId);
  const { bsize, blocks, bavail, ffree } = statfsSync(Buffer.from(path));
  return {
    path,
    ...(mount === undefined ? {} : { storage: describeStorage(host, mount) }),
    sizeBytes: blocks * bsize,
    freeBytes: bavail * bsize, // What a user other than root may fill.
    freeFileCount: ffree,
  };
}
