import { totalmem } from 'node:os';
import type { LocalEnds } from '../engine/local-paths.ts';
import { readCpus } from './cpus.ts';
import { engineMemory } from './engine-memory.ts';
import { type AskedOfEngine, bufferShareOfMemory, type EnginePlan, type PlanFacts, planEngine } from './engine-plan.ts';
import { HostFiles } from './host-files.ts';
import { type MemoryFacts, readMemory } from './memory.ts';
import { type Mount, mountIdOf, readMounts } from './mounts.ts';
import { type NodeOfStorage, nodeOfMount, readNumaNodes } from './numa.ts';
import { describeStorage } from './storage.ts';
import { localProfile, type StorageProfile } from './storage-profile.ts';
import { chooseThreadCount } from './thread-count.ts';

/** The plan of a copy, and what it may use of the memory beside its buffers. */
export interface LocalPlan extends EnginePlan {
  readonly memory: ReturnType<typeof engineMemory>;
}

/**
 * Plans a copy on this host by what its two ends stand on.
 * @throws NodeJS.ErrnoException when the root of an end cannot be opened
 */
export function planLocal(ends: LocalEnds, asked: AskedOfEngine): LocalPlan {
  const host = new HostFiles('/');
  const mounts = readMounts(host);
  const memory = readMemory(host, mounts);
  const plan = planEngine(asked, readPlanFacts(host, { mounts, memory }, ends));
  return { ...plan, memory: engineMemory(memory, plan.parameters.threadCount) };
}

function readPlanFacts(host: HostFiles, { mounts, memory }: HostFacts, ends: LocalEnds): PlanFacts {
  const [sourceMount, destinationMount] = [mountOf(mounts, ends.source.root), mountOf(mounts, ends.destination.root)];
  const source = lookAtMount(host, sourceMount);
  const destination = destinationMount === sourceMount ? source : lookAtMount(host, destinationMount);
  return {
    source: source.profile,
    destination: destination.profile,
    sides: { source: source.node, destination: destination.node },
    cpuThreadCount: chooseThreadCount(readCpus(host, mounts)),
    memoryBytes: bufferMemoryOf(memory),
    nodes: readNumaNodes(host),
  };
}

interface HostFacts {
  readonly mounts: readonly Mount[];
  readonly memory: MemoryFacts;
}

interface EndFacts {
  readonly profile: StorageProfile;
  readonly node: NodeOfStorage;
}

function mountOf(mounts: readonly Mount[], root: Uint8Array): Mount | undefined {
  const id = mountIdOf(root);
  return mounts.find((candidate) => candidate.id === id);
}

function lookAtMount(host: HostFiles, mount: Mount | undefined): EndFacts {
  if (mount === undefined) return { profile: localProfile, node: { kind: 'Anywhere' } };
  return { profile: describeStorage(host, mount).profile, node: nodeOfMount(host, mount) };
}

/** For the buffers of one transfer: an eighth of what is free now, and of what the control groups allow. */
export function bufferMemoryOf({ totalBytes, availableBytes, limit }: MemoryFacts): number {
  const usable = Math.min(availableBytes ?? totalBytes ?? totalmem(), limit?.value ?? Number.POSITIVE_INFINITY);
  return Math.floor(usable * bufferShareOfMemory);
}
