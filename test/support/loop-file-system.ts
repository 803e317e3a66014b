import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { cleanUp } from './clean-up.ts';
import { execute, findProgram } from './programs.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type FileSystemType = 'ext4' | 'xfs' | 'btrfs' | 'vfat';

export interface LoopOptions {
  readonly type: FileSystemType;
  readonly sizeBytes: number;
  /** For its mkfs. */
  readonly makeOptions?: readonly string[];
  /** As `mount -o` takes them. */
  readonly mountOptions?: string;
  /** Where the file that stands for the disk is made; a temporary folder if absent. */
  readonly imageFolder?: string;
}

/** A file system of the test's own, mounted. */
export interface LoopFileSystem {
  /** Its mount point. */
  readonly path: string;
  /** The file that stands for the disk. */
  readonly image: string;
  readonly unmount: () => Promise<void>;
}

/**
 * Makes a file system in a sparse file and mounts it; unmounted and detached when the test ends.
 * Ask `canLoop` first.
 */
export async function loopFileSystem(t: TestContext, options: LoopOptions): Promise<LoopFileSystem> {
  const { type, sizeBytes, makeOptions = [], mountOptions } = options;
  const folder = options.imageFolder ?? (await temporaryFolder(t, { memoryBytes: sizeBytes }));
  const image = join(folder, `${type}.image`);
  await using file = await open(image, 'wx');
  await file.truncate(sizeBytes);
  const quietly = type === 'vfat' ? [] : ['-q'];
  await execute(`mkfs.${type}`, [...quietly, ...makeOptions, image]);
  return { image, ...(await mountImage(t, image, mountOptions)) };
}

/** Mounts a file that stands for a disk. */
export async function mountImage(t: TestContext, image: string, mountOptions = 'defaults'): Promise<Omit<LoopFileSystem, 'image'>> {
  const path = `${image}.mounted`;
  await mkdir(path, { recursive: true });
  // With -o loop the kernel itself gives the loop device back when it is unmounted, even after a kill of everything here.
  await execute('mount', ['-o', `loop,${mountOptions}`, image, path]);
  let isMounted = true;
  const unmount = async (): Promise<void> => {
    if (!isMounted) return;
    await execute('umount', [path]);
    isMounted = false;
  };
  cleanUp(t, unmount);
  return { path, unmount };
}

const smallestBytes: Readonly<Record<FileSystemType, number>> = {
  ext4: 8 * 1024 ** 2,
  xfs: 320 * 1024 ** 2,
  btrfs: 128 * 1024 ** 2,
  vfat: 8 * 1024 ** 2,
};

/** Whether such a file system can be made and mounted here, found by doing it; if not, the test is marked as skipped and why. */
export async function canLoop(t: TestContext, type: FileSystemType): Promise<boolean> {
  const obstacle = await obstacleToLoop(t, type);
  if (obstacle !== undefined) t.skip(obstacle);
  return obstacle === undefined;
}

/** The reason why it cannot, if it cannot. */
export async function obstacleToLoop(t: TestContext, type: FileSystemType): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (findProgram(`mkfs.${type}`) === undefined) return `this host has no mkfs.${type}`;
  try {
    const tried = await loopFileSystem(t, { type, sizeBytes: smallestBytes[type] });
    await tried.unmount();
    return undefined;
  } catch (error) {
    return `${type} cannot be mounted here: ${error instanceof Error ? error.message : String(error)}`;
  }
}
