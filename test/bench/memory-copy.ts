import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { median } from './pairs.ts';

/** Of each thread. No cache holds it. */
const blockBytes = 256 * 1024 ** 2;
/** What a thread copies before it counts it. */
const pieceBytes = 8 * 1024 ** 2;
const windowMs = 200;
const windowCount = 5;

/**
 * How fast so many threads copy memory that no cache holds, side by side, in bytes per second: the limit of everything that goes
 * through memory. All of them copy all the time; what they have done is counted in windows, of which this is the median.
 */
export async function memoryCopyRate(threadCount: number): Promise<number> {
  const pieces = new BigInt64Array(new SharedArrayBuffer(threadCount * 8));
  const workers = Array.from(
    { length: threadCount },
    (_, index) => new Worker(new URL('./memory-copier.ts', import.meta.url), { workerData: { pieces, index, blockBytes, pieceBytes } }),
  );
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message'))); // each has touched its memory
    const rates: number[] = [];
    for (let window = 0; window < windowCount; window += 1) {
      const before = { pieces: countPieces(pieces), atNs: process.hrtime.bigint() };
      await sleep(windowMs);
      const after = { pieces: countPieces(pieces), atNs: process.hrtime.bigint() };
      rates.push((Number(after.pieces - before.pieces) * pieceBytes * 1e9) / Number(after.atNs - before.atNs));
    }
    return median(rates);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function countPieces(pieces: BigInt64Array): bigint {
  return pieces.reduce((sum, _, index) => sum + Atomics.load(pieces, index), 0n);
}
