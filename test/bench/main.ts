/**
 * Copies the same trees with smartcopy and its peers, in one run, and prints a table in Markdown:
 *
 *   npm run bench -- [--quick] [--pairs COUNT] [--only TEXT]
 *
 * --quick takes 3 pairs instead of 7. --only takes the cells whose name holds the text. Root is needed for the ext4 cells: each
 * has a fresh file system, because ext4 skips inodes deleted a moment ago and becomes several times slower at making files.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { compareTrees } from '../support/compare-trees.ts';
import { lacksProgram } from '../support/programs.ts';
import { abba, median, type PairedRatio, pairedRatio } from './paired.ts';
import { type BenchTree, mixedTree, smallFilesTree } from './trees.ts';

interface Tool {
  readonly name: string;
  readonly command: (source: string, destination: string) => readonly [string, ...string[]];
}

interface Cell {
  readonly tree: BenchTree;
  readonly place: 'tmpfs' | 'ext4';
  readonly ours: Tool;
  readonly peers: readonly Tool[];
}

const launcher = join(import.meta.dirname, '../../smartcopy');
const smartcopy: Tool = { name: 'smartcopy', command: (source, destination) => [launcher, '-q', source, destination] };
const verified: Tool = {
  name: 'smartcopy --verify',
  command: (source, destination) => [launcher, '-q', '--verify', 'xxhash3', source, destination],
};
const rsync: Tool = { name: 'rsync -a', command: (source, destination) => ['rsync', '-a', `${source}/`, destination] };
const cp: Tool = { name: 'cp -a', command: (source, destination) => ['cp', '-a', source, destination] };

const cells: readonly Cell[] = [
  { tree: mixedTree, place: 'ext4', ours: smartcopy, peers: [rsync, cp] },
  { tree: mixedTree, place: 'tmpfs', ours: smartcopy, peers: [rsync, cp] },
  { tree: mixedTree, place: 'tmpfs', ours: verified, peers: [rsync] },
  { tree: smallFilesTree, place: 'tmpfs', ours: smartcopy, peers: [rsync, cp] },
  { tree: smallFilesTree, place: 'ext4', ours: smartcopy, peers: [rsync, cp] },
];

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, pairs: { type: 'string' }, only: { type: 'string', default: '' } },
});
const pairCount = Number(values.pairs ?? (values.quick ? 3 : 7));
if (!Number.isInteger(pairCount) || pairCount < 1) throw new RangeError('--pairs takes a number from 1');

console.log(`memory copies ${memoryCopyRate().toFixed(1)} GB/s with one thread (the limit of everything that goes through memory)\n`);
console.log('| tree | file system | tool | seconds | rate | against | ratio (lowest to highest) |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const cell of cells) {
  if (!`${cell.tree.name} ${cell.place} ${cell.ours.name}`.includes(values.only)) continue;
  const obstacle = obstacleTo(cell);
  if (obstacle === undefined) await measure(cell);
  else console.log(`| ${cell.tree.name} | ${cell.place} | not run: ${obstacle} | | | | |`);
}

function obstacleTo({ place, peers }: Cell): string | undefined {
  if (place === 'ext4' && process.getuid?.() !== 0) return 'mounting needs root';
  if (place === 'tmpfs' && !existsSync('/dev/shm')) return 'there is no /dev/shm';
  const missing = lacksProgram(...peers.map(({ name }) => name.split(' ')[0] ?? name));
  return missing === false ? undefined : missing;
}

async function measure({ tree, place, ours, peers }: Cell): Promise<void> {
  const home = mkdtempSync(join(place === 'tmpfs' ? '/dev/shm' : tmpdir(), 'smartcopy-bench-'));
  // Every run writes to a place of its own and nothing is deleted before the end, except on tmpfs, which has no memory of it.
  using disk = place === 'ext4' ? freshExt4(home, tree.bytes * (2 * pairCount * peers.length + 2)) : folderOf(home);
  const source = join(disk.path, 'source');
  await mkdir(source);
  await tree.make(source);
  let run = 0;
  const timed = (tool: Tool): number => {
    const destination = join(disk.path, `out${run++}`);
    execFileSync('sync', place === 'ext4' ? ['-f', disk.path] : []);
    const [program, ...programArguments] = tool.command(source, destination);
    const began = process.hrtime.bigint();
    execFileSync(program, programArguments, { stdio: ['ignore', 'ignore', 'inherit'] });
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    if (run <= 2) assertSame(destination, source, tool);
    if (place === 'tmpfs') rmSync(destination, { recursive: true });
    return seconds;
  };
  timed(ours); // the first reads warm the cache, for everybody
  for (const peer of peers) {
    const pairs = abba(pairCount).map((oursFirst) => {
      if (oursFirst) return { ours: timed(ours), peer: timed(peer) };
      const peerSeconds = timed(peer);
      return { ours: timed(ours), peer: peerSeconds };
    });
    const seconds = median(pairs.map((pair) => pair.ours));
    const peerSeconds = median(pairs.map((pair) => pair.peer));
    const rate =
      tree.bytes / tree.fileCount < 100_000
        ? `${Math.round(tree.fileCount / seconds)} files/s`
        : `${(tree.bytes / seconds / 1e9).toFixed(2)} GB/s`;
    console.log(
      `| ${tree.name} | ${place} | ${ours.name} | ${seconds.toFixed(2)} | ${rate} | ${peer.name} (${peerSeconds.toFixed(2)} s) | ${show(pairedRatio(pairs))} |`,
    );
  }
}

function show({ median: middle, lowest, highest }: PairedRatio): string {
  return `**${middle.toFixed(2)}x** (${lowest.toFixed(2)} to ${highest.toFixed(2)})`;
}

/** A wrong copy has no speed. */
function assertSame(destination: string, source: string, tool: Tool): void {
  const [first] = compareTrees(destination, source);
  if (first !== undefined) throw new Error(`${tool.name} made another tree: ${first}`);
}

function folderOf(home: string): Disposable & { readonly path: string } {
  return { path: home, [Symbol.dispose]: () => rmSync(home, { recursive: true }) };
}

function freshExt4(home: string, bytes: number): Disposable & { readonly path: string } {
  const image = join(home, 'image');
  const path = join(home, 'mounted');
  writeFileSync(image, '');
  truncateSync(image, Math.ceil(bytes * 1.3) + 1024 ** 3);
  execFileSync('mkfs.ext4', ['-q', '-i', '4096', image]);
  execFileSync('mkdir', [path]);
  execFileSync('mount', ['-o', 'loop', image, path]);
  return {
    path,
    [Symbol.dispose]: () => {
      execFileSync('umount', [path]);
      rmSync(home, { recursive: true });
    },
  };
}

/** How fast one thread copies 256 MiB that no cache holds, in GB/s. */
function memoryCopyRate(): number {
  const from = Buffer.alloc(256 * 1024 ** 2, 1);
  const to = Buffer.alloc(from.length, 2);
  const rates = Array.from({ length: 5 }, () => {
    const began = process.hrtime.bigint();
    from.copy(to);
    return from.length / Number(process.hrtime.bigint() - began);
  });
  return Math.max(...rates);
}
