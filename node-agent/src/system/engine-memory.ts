import type { MemoryFacts } from './memory.ts';

/** Of the blocks that one thread keeps under way by io_uring; the engine makes its rings of this size. */
export const ringBytesPerThread = 16 * 1024 ** 2;

/** How much of the page cache a transfer may hope for: what is available, within the limit of the control group. Pure. */
export function pageCacheBytes({ availableBytes, limit }: MemoryFacts): number {
  return Math.min(availableBytes ?? Number.MAX_SAFE_INTEGER, limit?.value ?? Number.MAX_SAFE_INTEGER);
}

/** What a transfer that has the host to itself may use of its memory, beside its buffers. Pure. */
export function engineMemory(memory: MemoryFacts, threadCount: number) {
  return { pageCacheBytes: pageCacheBytes(memory), ringMemoryBytes: threadCount * ringBytesPerThread };
}
