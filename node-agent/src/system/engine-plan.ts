import { readableNumber } from '@smartcopy/crds/progress';
import { defaultBufferBytes } from '../engine/defaults.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { type NumaNode, type NumaPlan, type NumaSides, planNuma } from './numa.ts';
import { networkProfile, type StorageProfile } from './storage-profile.ts';
import { maxThreadCount } from './thread-count.ts';

/** What somebody asked for; absent means that the plan chooses. */
export interface AskedOfEngine {
  readonly threadCount?: number;
  readonly bufferBytes?: number;
  readonly numa: 'Auto' | 'Off';
  /** Treat both ends as network storage whatever they look like: some networks look like disks (iSCSI, NBD). */
  readonly networkOptimized: boolean;
}

/** What is known of the two ends and of this host. */
export interface PlanFacts {
  readonly source: StorageProfile;
  readonly destination: StorageProfile;
  /** One thread for each CPU that may be used. */
  readonly cpuThreadCount: number;
  /** For all buffers of the transfer. */
  readonly memoryBytes: number;
  readonly nodes: readonly NumaNode[];
  readonly sides: NumaSides;
}

/** The part of a transfer that depends on the storage and the host. */
type EngineParameters = Pick<
  Transfer,
  'threadCount' | 'bufferBytes' | 'rangeBytes' | 'contiguousRanges' | 'writersPerFile' | 'memoryBytes' | 'numa'
>;

export interface EnginePlan {
  readonly parameters: EngineParameters;
  /** Sentences for people: what was chosen because of what. */
  readonly reasons: readonly string[];
  /** What of a person's own word could not be kept. */
  readonly reductions: readonly string[];
}

/** The engine lists directories into its buffers: they are never shorter. */
const leastBufferBytes = 64 * 1024;
const pageBytes = 4096;
/** The walk that only counts has a buffer of its own. */
const scanBytes = 64 * 1024;

/** Of the memory that may be used, what the buffers of one transfer get: the rest is for the page cache, which makes copies fast. */
export const bufferShareOfMemory = 1 / 8;

/** What the engine is told about a copy between these two ends. Pure. */
export function planEngine(asked: AskedOfEngine, facts: PlanFacts): EnginePlan {
  const [source, destination] = [facts.source, facts.destination].map((profile) =>
    asked.networkOptimized ? forceNetwork(profile) : profile,
  );
  if (source === undefined || destination === undefined) throw new RangeError('a transfer has two ends');
  const wish = {
    threadCount:
      asked.threadCount ?? Math.min(Math.max(facts.cpuThreadCount, source.streamCount ?? 1, destination.streamCount ?? 1), maxThreadCount),
    bufferBytes: asked.bufferBytes ?? Math.max(source.bufferBytes ?? defaultBufferBytes, destination.bufferBytes ?? defaultBufferBytes),
  };
  const fitted = fitIntoMemory(wish, facts.memoryBytes);
  const numa = planNuma(asked.numa, facts.nodes, facts.sides);
  return {
    parameters: {
      ...fitted,
      ...sharingOf(source, destination),
      memoryBytes: Math.max(facts.memoryBytes, leastBufferBytes + scanBytes),
      ...placementOf(numa),
    },
    reasons: [...describeProfiles(source, destination), numa.reason],
    reductions: describeReductions(asked, wish, fitted),
  };
}

function forceNetwork(profile: StorageProfile): StorageProfile {
  return profile.isNetwork ? profile : { ...networkProfile, name: `${profile.name}, treated as network` };
}

interface Sizes {
  readonly threadCount: number;
  readonly bufferBytes: number;
}

/**
 * Makes buffers smaller first and threads fewer then, until all buffers together fit; one thread with the smallest buffer it always is.
 * @param memoryBytes for the buffers of all threads
 */
export function fitIntoMemory({ threadCount, bufferBytes }: Sizes, memoryBytes: number): Sizes {
  const available = Math.max(0, memoryBytes - scanBytes);
  const even = Math.floor(available / threadCount / pageBytes) * pageBytes;
  const fitting = Math.min(bufferBytes, Math.max(even, Math.min(defaultBufferBytes, bufferBytes)));
  const taken = Math.max(fitting, leastBufferBytes);
  if (taken <= available) return { threadCount: Math.max(1, Math.min(threadCount, Math.floor(available / taken))), bufferBytes: fitting };
  return { threadCount: 1, bufferBytes: Math.min(bufferBytes, Math.max(pageBytes, Math.floor(available / pageBytes) * pageBytes)) };
}

/** How threads share a large file: as the end that is pickier likes it. Reading is free of it: only the destination counts writers. */
function sharingOf(
  source: StorageProfile,
  destination: StorageProfile,
): Pick<Transfer, 'rangeBytes' | 'contiguousRanges' | 'writersPerFile'> {
  const isContiguous = source.contiguousRanges === true || destination.contiguousRanges === true;
  const rangeBytes = destination.rangeBytes ?? source.rangeBytes;
  const { writersPerFile } = destination;
  return {
    ...(isContiguous ? { contiguousRanges: true } : {}),
    ...(rangeBytes === undefined ? {} : { rangeBytes }),
    ...(writersPerFile === undefined ? {} : { writersPerFile }),
  };
}

function placementOf({ placement }: NumaPlan): Pick<Transfer, 'numa'> {
  return placement === undefined ? {} : { numa: placement };
}

function describeProfiles(source: StorageProfile, destination: StorageProfile): readonly string[] {
  const show = ({ name, remarks }: StorageProfile): string => (remarks.length === 0 ? name : `${name} (${remarks.join(', ')})`);
  return [`from ${show(source)} to ${show(destination)}`];
}

function describeReductions(asked: AskedOfEngine, wish: Sizes, { threadCount, bufferBytes }: Sizes): readonly string[] {
  const isLess =
    (asked.threadCount !== undefined && threadCount < wish.threadCount) ||
    (asked.bufferBytes !== undefined && bufferBytes < wish.bufferBytes);
  if (!isLess) return [];
  return [
    `${wish.threadCount} threads with buffers of ${readableNumber(wish.bufferBytes)} bytes would take more than an eighth of the memory: ${threadCount} with ${readableNumber(bufferBytes)} are used`,
  ];
}
