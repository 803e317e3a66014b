import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type Aspect, compareTrees } from '../support/compare-trees.ts';
import { plantDeepTree } from '../support/deep-tree.ts';

/** A tree to copy. */
export interface Tree {
  readonly name: string;
  readonly fileCount: number;
  readonly bytes: number;
  /** Makes it in a folder that is there and empty. */
  readonly plant: (folder: string) => void;
  /** Changes a hundredth of its files in content and time, by an hour: rsync takes times within one second for equal. */
  readonly change?: (folder: string) => void;
  /** The first way in which a copy is not as the source; what is left out is not looked at. */
  readonly firstDifference: (copy: string, source: string, leaveOut: readonly Aspect[]) => string | undefined;
}

/** Files of one size in one folder. */
export interface Group {
  /** `.` is the top. */
  readonly folder: string;
  readonly fileCount: number;
  readonly fileBytes: number;
}

/** Files of these groups, in order. Modes, owners (as root) and times differ, so that a copy without them is seen. */
export function treeOf(name: string, groups: readonly Group[]): Tree {
  const files = groups.flatMap(({ folder, fileCount, fileBytes }) =>
    Array.from({ length: fileCount }, (_, index) => ({ path: join(folder, String(index)), bytes: fileBytes })),
  );
  const noiseBytes = Math.min(largestNoiseBytes, Math.max(0, ...groups.map(({ fileBytes }) => fileBytes)));
  return {
    name,
    fileCount: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    plant: (top) => {
      const noise = makeNoise(noiseBytes);
      const folders = new Set(groups.map(({ folder }) => join(top, folder)));
      for (const folder of folders) mkdirSync(folder, { recursive: true });
      for (const [index, { path, bytes }] of files.entries()) writeFile(join(top, path), { index, bytes, noise }, past(index));
      for (const folder of [...folders, top]) utimesSync(folder, past(0), past(0));
    },
    change: (top) => {
      const noise = makeNoise(noiseBytes);
      for (const [index, { path, bytes }] of files.entries()) {
        if (index % 100 !== 0) continue;
        const file = join(top, path);
        writeFile(file, { index, bytes, noise }, statSync(file).mtimeMs / 1000 + 3600);
      }
    },
    firstDifference,
  };
}

/** Random bytes, so that nothing on the way compresses or finds holes. Larger files repeat them. */
function makeNoise(bytes: number): Buffer {
  return randomFillSync(Buffer.alloc(bytes));
}

function firstDifference(copy: string, source: string, leaveOut: readonly Aspect[]): string | undefined {
  for (const difference of compareTrees(copy, source, leaveOut)) return difference;
  return undefined;
}

const largestNoiseBytes = 64 * 1000 ** 2;
const modes = [0o644, 0o640, 0o755] as const;
const owners = [0, 1000] as const;

/** Seconds since 1970 of something old, not on a full second. */
function past(index: number): number {
  return 1_000_000_000.25 + index;
}

interface FileContent {
  readonly index: number;
  readonly bytes: number;
  readonly noise: Buffer;
}

/** Made anew or changed; no two are equal, so that one in another's place is seen. */
function writeFile(path: string, { index, bytes, noise }: FileContent, time: number): void {
  if (noise.length >= 4) noise.writeUInt32LE(index);
  const fd = openSync(path, 'w');
  try {
    for (let done = 0; done < bytes; ) done += writeSync(fd, noise, 0, Math.min(noise.length, bytes - done));
    fchmodSync(fd, modes[index % modes.length] ?? 0o644);
    const owner = owners[index % owners.length] ?? 0;
    if (process.getuid?.() === 0) fchownSync(fd, owner, owner);
    futimesSync(fd, time, time);
  } finally {
    closeSync(fd);
  }
}

export interface Depth {
  readonly chainCount: number;
  readonly levelCount: number;
  /** Of the path of the deepest file, at least; short names do if it is absent. */
  readonly pathBytes?: number;
}

/** Folders in each other, each with a file, as often as there are chains. */
export function deepTree(name: string, { chainCount, levelCount, pathBytes = 0 }: Depth): Tree {
  const folderName = 'd'.repeat(Math.max(1, Math.ceil(pathBytes / levelCount)));
  return {
    name,
    fileCount: chainCount * levelCount,
    bytes: chainCount * levelCount * 'level 1000'.length,
    firstDifference,
    plant: (top) => {
      for (let chain = 0; chain < chainCount; chain += 1) {
        const folder = join(top, String(chain));
        mkdirSync(folder);
        plantDeepTree(folder, { levelCount, name: folderName, fileName: 'f' });
      }
      utimesSync(top, past(0), past(0));
    },
  };
}

const MiB = 1024 ** 2;

/** One file with data here and there: a MiB at the same distances, the rest holes. */
export function sparseTree(name: string, { bytes, extentCount }: { readonly bytes: number; readonly extentCount: number }): Tree {
  const stride = Math.floor(bytes / extentCount / MiB) * MiB;
  const fileName = 'sparse';
  return {
    name,
    fileCount: 1,
    bytes: extentCount * MiB,
    plant: (top) => {
      const fd = openSync(join(top, fileName), 'w');
      try {
        const data = makeNoise(MiB);
        ftruncateSync(fd, Math.floor(bytes));
        for (let index = 0; index < extentCount; index += 1) writeSync(fd, data, 0, MiB, index * stride);
        futimesSync(fd, past(0), past(0));
      } finally {
        closeSync(fd);
      }
      utimesSync(top, past(0), past(0));
    },
    firstDifference: (copy, source, leaveOut) => {
      const [actual, expected] = [join(copy, fileName), join(source, fileName)];
      const [{ size, mtimeMs }, { size: expectedSize, mtimeMs: expectedMtimeMs }] = [statSync(actual), statSync(expected)];
      if (size !== expectedSize) return `${fileName}: size ${size} | ${expectedSize}`;
      if (mtimeMs !== expectedMtimeMs && !leaveOut.includes('file times')) return `${fileName}: modified ${mtimeMs} | ${expectedMtimeMs}`;
      // Reading a TiB of holes would take minutes: each extent is read with the MiB before and behind it. What is a hole beyond
      // that is zero, and how much is none is a number of its own.
      for (let index = 0; index < extentCount; index += 1) {
        const from = Math.max(0, index * stride - MiB);
        if (!readAt(actual, from, 3 * MiB).equals(readAt(expected, from, 3 * MiB))) return `${fileName}: has other content after ${from}`;
      }
      return undefined;
    },
  };
}

function readAt(path: string, offset: number, length: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}

/**
 * Groups with a fraction of their content, for trying out: fewer files first; where one is left, a smaller one. No group is empty
 * that was not.
 */
export function scaleGroups(groups: readonly Group[], scale: number): readonly Group[] {
  return groups.map(({ folder, fileCount, fileBytes }) => {
    const wanted = fileCount * scale;
    if (wanted >= 1) return { folder, fileCount: Math.round(wanted), fileBytes };
    return { folder, fileCount: 1, fileBytes: fileBytes === 0 ? 0 : Math.max(1, Math.round(fileBytes * wanted)) };
  });
}
