import { createCipheriv, createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

// Makes something worth copying: `node make-input.ts DIRECTORY` fills DIRECTORY/run42 with 1.6 GB of mixed sizes, the same bytes each time.

const KB = 1000;
const MB = 1000 ** 2;

const groups = [
  { directory: 'readings', count: 1_000, bytes: 1 * KB },
  { directory: 'frames', count: 100, bytes: 1 * MB },
  { directory: 'checkpoints', count: 10, bytes: 50 * MB },
  { directory: 'archive', count: 1, bytes: 1_000 * MB },
];

const zeros = Buffer.alloc(4 * MB);

const target = process.argv[2];
if (target === undefined) {
  process.stderr.write('use: node make-input.ts DIRECTORY\n');
  process.exit(2);
}
makeInput(target);

function makeInput(target: string): void {
  // Filled beside its place and renamed at the end: an interrupted run leaves nothing that looks complete.
  const unfinished = `${target}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const top = join(unfinished, 'run42');
  for (const { directory, count, bytes } of groups) {
    process.stderr.write(`  ${directory}: ${count} of ${bytes < MB ? `${bytes / KB} KB` : `${bytes / MB} MB`}\n`);
    for (let index = 0; index < count; index += 1) writeData(join(top, directory, nameOf(directory, index, count)), bytes);
  }
  addOddities(top);
  renameSync(unfinished, target);
}

/** Of many files, a hundred share a directory. */
function nameOf(directory: string, index: number, count: number): string {
  const name = `${directory}-${String(index).padStart(4, '0')}.dat`;
  return count > 100 ? join(`part-${Math.floor(index / 100)}`, name) : name;
}

/** What a copy must keep besides bytes: links of both kinds, modes, times, empty files and directories, names in any script. */
function addOddities(top: string): void {
  writeFileSync(join(top, 'Übersicht – 概要 🌍.txt'), 'One run of a climate model, made up.\n');
  writeFileSync(join(top, 'empty'), '');
  mkdirSync(join(top, 'logs'));
  writeFileSync(join(top, 'start.sh'), '#!/bin/sh\necho started\n');
  chmodSync(join(top, 'start.sh'), 0o755);
  symlinkSync('checkpoints/checkpoints-0009.dat', join(top, 'latest'));
  linkSync(join(top, 'checkpoints/checkpoints-0000.dat'), join(top, 'archive/first-checkpoint.dat'));
  utimesSync(join(top, 'empty'), 1_000_000_000, 1_000_000_000.123456);
}

// Pseudo-random bytes, as fast as the disk: they can be neither compressed nor shared.
function writeData(path: string, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const key = createHash('sha256')
    .update(path.slice(path.indexOf('run42')))
    .digest();
  const keystream = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  const fd = openSync(path, 'w');
  for (let written = 0; written < bytes; ) {
    written += writeSync(fd, keystream.update(zeros.subarray(0, Math.min(zeros.length, bytes - written))));
  }
  closeSync(fd);
}
