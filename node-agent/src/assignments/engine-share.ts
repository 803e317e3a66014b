import { defaultBufferBytes } from '../engine/defaults.ts';
import { ringBytesPerThread } from '../system/engine-memory.ts';

/** What the transfers of a node may take of it, whatever their jobs ask for. */
export interface EngineRoom {
  /** Of one transfer. */
  readonly maxThreadCount: number;
  /** For the buffers of all transfers that run at once. */
  readonly memoryBytes: number;
}

export interface EngineShare {
  readonly threadCount: number;
  readonly bufferBytes: number;
}

/** Of what is left beside the buffers, rings of io_uring get as much as they can use. */
export interface GivenShare extends EngineShare {
  readonly ringMemoryBytes: number;
}

/** A thread that waits for a disk needs no CPU: some more than CPUs do no harm, hundreds of them do. */
const threadsPerCpu = 4;
/** The rest is for the page cache, which makes copies fast, and for everything else on the node. */
const memoryFraction = 1 / 8;
/** Buffers are whole pages. */
const pageBytes = 4096;

/** @param host what this process may use */
export function engineRoomOf(host: { readonly cpuCount: number; readonly memoryBytes: number }): EngineRoom {
  return { maxThreadCount: threadsPerCpu * host.cpuCount, memoryBytes: host.memoryBytes * memoryFraction };
}

/**
 * What a transfer gets of what its job asks for. Each thread has a buffer of its own. One transfer gets half of what the others have
 * left, so that the next finds some too: first by smaller buffers, then by fewer threads; one thread with a common buffer it always gets.
 * @param usedBytes by the buffers of the transfers that run
 */
export function shareOfEngine(asked: EngineShare, room: EngineRoom, usedBytes: number): GivenShare {
  const memoryBytes = Math.max(0, room.memoryBytes - usedBytes) / 2;
  const threadCount = Math.min(asked.threadCount, room.maxThreadCount);
  const evenBytes = Math.floor(memoryBytes / threadCount / pageBytes) * pageBytes;
  const bufferBytes = Math.min(asked.bufferBytes, Math.max(evenBytes, defaultBufferBytes));
  const givenThreadCount = Math.max(1, Math.min(threadCount, Math.floor(memoryBytes / bufferBytes)));
  const leftBytes = Math.max(0, memoryBytes - givenThreadCount * bufferBytes);
  return { threadCount: givenThreadCount, bufferBytes, ringMemoryBytes: Math.min(leftBytes, givenThreadCount * ringBytesPerThread) };
}
