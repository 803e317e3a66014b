import { readdirSync, statfsSync, statSync, truncateSync } from 'node:fs';
import { mkdir, mkdtemp, open } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { execute } from '../support/programs.ts';
import { removeFolder } from '../support/remove-folder.ts';
import { availableMemory } from './machine.ts';

/**
 * Where a comparison happens. `ext4` is the folder that was given, for few files and for what waits for the disk. The fresh ones are file
 * systems of their own in loop devices: ext4 skips inodes deleted in the last minutes, and is several times slower at making files until then.
 */
export type PlaceKind = 'tmpfs' | 'tmpfs huge=always' | 'ext4' | 'fresh ext4' | 'fresh xfs' | 'fresh btrfs';

/** A folder for one comparison; what it holds goes with it. */
export interface Place extends AsyncDisposable {
  readonly path: string;
  /** Waits until nothing is left to be written, so that no run pays for another's bytes. */
  readonly settle: () => Promise<void>;
  /** Drops what the place itself keeps in memory of its disk. */
  readonly forgetDisk: () => Promise<void>;
  /** Gives back the space of a copy that is no longer needed. */
  readonly giveBack: (copy: string) => Promise<void>;
}

export interface PlaceNeed {
  readonly kind: PlaceKind;
  /** Bytes that it will hold at a time. */
  readonly bytes: number;
  /** An existing folder on a disk. */
  readonly folder: string;
}

/** @throws Error with the reason when such a place cannot be made here */
export async function openPlace(need: PlaceNeed): Promise<Place> {
  switch (need.kind) {
    case 'tmpfs':
      demandMemory(need.bytes);
      return isRoot() ? await mountedPlace(need, memory('never')) : await folderPlace(need, '/dev/shm');
    case 'tmpfs huge=always':
      demandMemory(need.bytes);
      return await mountedPlace(need, memory('always'));
    case 'ext4':
      return isExt4(need.folder) ? await folderPlace(need, need.folder) : await loopPlace(need, ext4);
    case 'fresh ext4':
      return await loopPlace(need, ext4);
    case 'fresh xfs':
      return await loopPlace(need, { mkfs: ['mkfs.xfs', '-q'], mountOptions: 'defaults' });
    case 'fresh btrfs':
      return await loopPlace(need, { mkfs: ['mkfs.btrfs', '-q'], mountOptions: 'defaults' });
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** No inode tables are zeroed in the background while something is measured. */
const ext4: LoopOptions = { mkfs: ['mkfs.ext4', '-q', '-i', '4096'], mountOptions: 'noinit_itable' };

/** As many inodes as wanted: a million empty files need no blocks. */
function memory(huge: 'never' | 'always'): MountCommand {
  return (path) => ['-t', 'tmpfs', '-o', `size=${memorySize},nr_inodes=0,huge=${huge}`, 'tmpfs', path];
}

const memorySize = '90%';
const spareMemoryBytes = 2 * 1024 ** 3;

type MountCommand = (path: string) => readonly string[];

/** Copies in memory are removed at once: tmpfs has no memory of them. */
async function mountedPlace({ kind, folder }: PlaceNeed, mount: MountCommand): Promise<Place> {
  if (!isRoot()) throw new Error(`mounting ${kind} needs root`);
  const home = await mkdtemp(join(folder, 'smartcopy-bench-'));
  const path = join(home, 'mounted');
  try {
    await mkdir(path);
    await execute('mount', mount(path));
  } catch (error) {
    await removeFolder(home);
    throw error;
  }
  return {
    path,
    settle: nothing,
    forgetDisk: nothing,
    giveBack: removeFolder,
    [Symbol.asyncDispose]: async () => {
      await execute('umount', [path]);
      await removeFolder(home);
    },
  };
}

/** In a folder of an existing file system. */
async function folderPlace({ bytes, kind }: PlaceNeed, folder: string): Promise<Place> {
  demandSpace(folder, bytes);
  const path = await mkdtemp(join(folder, 'smartcopy-bench-'));
  const place = { path, forgetDisk: nothing, [Symbol.asyncDispose]: () => removeFolder(path) };
  if (kind === 'tmpfs') return { ...place, settle: nothing, giveBack: removeFolder };
  return { ...place, settle: () => settle(path), giveBack };
}

interface LoopOptions {
  readonly mkfs: readonly [string, ...string[]];
  readonly mountOptions: string;
}

const smallestImageBytes = 1024 ** 3;

async function loopPlace(need: PlaceNeed, { mkfs: [mkfs, ...mkfsOptions], mountOptions }: LoopOptions): Promise<Place> {
  if (!isRoot()) throw new Error(`mounting ${need.kind} needs root`);
  demandSpace(need.folder, need.bytes);
  const images = await mkdtemp(join(need.folder, 'smartcopy-bench-'));
  try {
    const image = join(images, 'image');
    await using file = await open(image, 'wx');
    await file.truncate(Math.ceil(need.bytes * 1.5) + smallestImageBytes);
    await execute(mkfs, [...mkfsOptions, image]);
    const mounted = await mountedPlace(need, (path) => ['-o', `loop,${mountOptions}`, image, path]);
    return {
      path: mounted.path,
      settle: () => settle(mounted.path),
      forgetDisk: () => forgetFile(image),
      giveBack,
      [Symbol.asyncDispose]: async () => {
        await mounted[Symbol.asyncDispose]();
        await removeFolder(images);
      },
    };
  } catch (error) {
    await removeFolder(images);
    throw error;
  }
}

async function nothing(): Promise<void> {}

/** Drops the content of a file from memory, as far as it was written out. */
export async function forgetFile(path: string): Promise<void> {
  await execute('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

async function settle(path: string): Promise<void> {
  await execute('sync', ['-f', path]);
}

/** From here a file is worth emptying; below, what it occupies is mostly its inode. */
const largeBytes = 64 * 1024;

/** Empties large files and deletes nothing: deleted inodes would slow down whoever makes files next. */
async function giveBack(copy: string): Promise<void> {
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(path).size >= largeBytes) truncateSync(path);
  }
}

function demandSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize > bytes) return;
  throw new Error(`${folder} has ${gigabytes(bavail * bsize)} free, and this needs ${gigabytes(bytes)}: choose another with --folder`);
}

function demandMemory(bytes: number): void {
  const available = availableMemory();
  if (available > bytes + spareMemoryBytes) return;
  throw new Error(
    `this host has ${gigabytes(available)} of memory available, and this needs ${gigabytes(bytes)} beside what programs need`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

const ext4Magic = 0xef53;

function isExt4(folder: string): boolean {
  return statfsSync(folder).type === ext4Magic;
}
