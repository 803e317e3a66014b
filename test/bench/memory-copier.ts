import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

/** One thread of memory-copy.ts: copies its block over and over, piece by piece, and counts the pieces, until it is terminated. */
const given = z.object({ pieces: z.instanceof(BigInt64Array), index: z.int(), blockBytes: z.int(), pieceBytes: z.int() });
const { pieces, index, blockBytes, pieceBytes } = given.parse(workerData);

// Written to first, so that no piece waits for the kernel to hand out pages.
const from = Buffer.alloc(blockBytes, 1);
const to = Buffer.alloc(blockBytes, 2);
parentPort?.postMessage('ready');

for (let offset = 0; ; offset = (offset + pieceBytes) % blockBytes) {
  from.copy(to, offset, offset, offset + pieceBytes);
  Atomics.add(pieces, index, 1n);
}
