import { totalmem } from 'node:os';
import type { LocalEnds } from '../engine/local-paths.ts';
import { readCpus } from './cpus.ts';
import { type AskedOfEngine, bufferShareOfMemory, type EnginePlan, type PlanFacts, planEngine } from './engine-plan.ts';
import { HostFiles } from './host-files.ts';
import { readMemory } from './memory.ts';
import { type Mount, mountIdOf, readMounts } from './mounts.ts';
import { type NodeOfStorage, nodeOfMount, readNumaNodes } from './numa.ts';
import { describeStorage } from './storage.ts';
import { localProfile, type StorageProfile } from './storage-profile.ts';
import { chooseThreadCount } from './thread-count.ts';

/**
 * Plans a copy on this host by what its two ends stand on.
 * @throws NodeJS.ErrnoException when the root of an end cannot be opened
 */
export function planLocal(ends: LocalEnds, asked: AskedOfEngine): EnginePlan {
  return planEngine(asked, readPlanFacts(new HostFiles('/'), ends));
}

function readPlanFacts(host: HostFiles, ends: LocalEnds): PlanFacts {
  const mounts = readMounts(host);
  const [source, destination] = [lookAtEnd(host, mounts, ends.source.root), lookAtEnd(host, mounts, ends.destination.root)];
  return {
    source: source.profile,
    destination: destination.profile,
    sides: { source: source.node, destination: destination.node },
    cpuThreadCount: chooseThreadCount(readCpus(host)),
    memoryBytes: bufferMemoryOf(host),
    nodes: readNumaNodes(host),
  };
}

interface EndFacts {
  readonly profile: StorageProfile;
  readonly node: NodeOfStorage;
}

function lookAtEnd(host: HostFiles, mounts: readonly Mount[], root: Uint8Array): EndFacts {
  const id = mountIdOf(root);
  const mount = mounts.find((candidate) => candidate.id === id);
  if (mount === undefined) return { profile: localProfile, node: { kind: 'Anywhere' } };
  return { profile: describeStorage(host, mount).profile, node: nodeOfMount(host, mount) };
}

/** For the buffers of one transfer: an eighth of what is free now, and of what the control groups allow. */
export function bufferMemoryOf(host: HostFiles): number {
  const { totalBytes, availableBytes, limit } = readMemory(host);
  const usable = Math.min(availableBytes ?? totalBytes ?? totalmem(), limit?.value ?? Number.POSITIVE_INFINITY);
  return Math.floor(usable * bufferShareOfMemory);
}
