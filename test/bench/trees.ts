import { randomFillSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A tree to copy, and what it holds. */
export interface BenchTree {
  readonly name: string;
  readonly bytes: number;
  readonly fileCount: number;
  readonly make: (path: string) => Promise<void>;
}

const KB = 1000;
const MB = 1000 * KB;
const GB = 1000 * MB;

/** Files of every size, most of the bytes in one: 1,000 of 1 KB, 100 of 1 MB, 10 of 50 MB, 1 of 1 GB. */
export const mixedTree: BenchTree = treeOf('mixed 1.6 GB', [
  { folder: 'small', count: 1000, bytes: KB },
  { folder: 'medium', count: 100, bytes: MB },
  { folder: 'large', count: 10, bytes: 50 * MB },
  { folder: 'huge', count: 1, bytes: GB },
]);

/** 100,000 files of 4 KiB in 100 directories. */
export const smallFilesTree: BenchTree = treeOf(
  '100k x 4 KiB',
  Array.from({ length: 100 }, (_, index) => ({ folder: `d${index}`, count: 1000, bytes: 4096 })),
);

interface Group {
  readonly folder: string;
  readonly count: number;
  readonly bytes: number;
}

function treeOf(name: string, groups: readonly Group[]): BenchTree {
  return {
    name,
    bytes: groups.reduce((sum, { count, bytes }) => sum + count * bytes, 0),
    fileCount: groups.reduce((sum, { count }) => sum + count, 0),
    make: async (path) => {
      // Random bytes, so that nothing on the way compresses or finds holes; made once, since only their place matters.
      const noise = randomFillSync(Buffer.alloc(64 * MB));
      for (const { folder, count, bytes } of groups) {
        await mkdir(join(path, folder), { recursive: true });
        for (let index = 0; index < count; index += 1) await writeFile(join(path, folder, String(index)), pieces(noise, bytes));
      }
    },
  };
}

function* pieces(noise: Buffer, bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= noise.length) yield noise.subarray(0, Math.min(left, noise.length));
}
