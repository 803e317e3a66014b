import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { constants, copyFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Chance, chanceFor } from '../support/chance.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { canLoop, type FileSystemType, type LoopFileSystem, loopFileSystem, mountImage } from '../support/loop-file-system.ts';
import { passesForFinished } from '../support/passes-for-finished.ts';
import { execute } from '../support/programs.ts';
import { sameContent } from '../support/same-content.ts';
import { type Running, startSmartcopy } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { plantTree, type TreeDescription } from '../support/tree.ts';

/*
 * A power loss keeps of a file system what its disk had got at one moment. Here the disk is a file on another file system, which
 * can clone files: a clone is the whole disk at one moment, however busy it is. Mounted later, it is repaired from its own
 * journal, as after a real loss. What no test can make here is a disk that loses what it said it had written.
 */

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/** Clones looked at for each run: of any moment, and of the end, where the order of things matters most. More take longer, and show more. */
const earlierCount = 12;
const latestCount = 8;
const fewestCount = 4;
const longestPauseMs = 15;
const neighbourPauseMs = 5;

/** Batch synchronises few files one by one and many together; File does it with each before the next. */
const runs = [
  { title: 'Batch run of 40 files', durability: 'batch', fileCount: 40, maxBytes: 8 * MiB },
  { title: 'Batch run of 300 files', durability: 'batch', fileCount: 300, maxBytes: 2 * MiB },
  { title: 'File run of 40 files', durability: 'file', fileCount: 40, maxBytes: 8 * MiB },
] as const;
type Run = (typeof runs)[number];

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  for (const run of runs) {
    test(`a power loss during a ${run.title} leaves none on ${type} that is wrong and passes for finished`, async (t) => {
      if (!(await canLoop(t, 'xfs')) || !(await canLoop(t, type))) return;
      const chance = chanceFor(t);
      const ground = await prepareGround(t, { type, run, chance });

      // Slowly, so that what is done too early has time to reach the disk before what should have come first.
      const running = startSmartcopy(t, [...copying(ground, run), '--bandwidth-limit', '50M']);
      const clones = await cloneUntilEnded(running, ground, chance);
      const { status, stderr } = await running.ended;
      assert.equal(status, 0, stderr);
      assert.ok(clones.length >= fewestCount, `only ${clones.length} clones of the disk were made`);

      // Two mounted file systems must not have one identity, so the disk itself goes first.
      await ground.disk.unmount();
      const stages = [];
      for (const clone of clones) stages.push(await withDisk(t, clone, (path) => checkCopy(join(path, 'copy'), ground)));
      t.diagnostic(describeStages(stages));
    });

    test(`a power loss after a ${run.title} leaves ${type} as the run said it was`, async (t) => {
      if (!(await canLoop(t, 'xfs')) || !(await canLoop(t, type))) return;
      const ground = await prepareGround(t, { type, run, chance: chanceFor(t) });

      const { status, stderr } = await startSmartcopy(t, copying(ground, run)).ended;
      const clone = await cloneDisk(ground.disk, 'finished');
      assert.equal(status, 0, stderr);

      await ground.disk.unmount();
      await withDisk(t, clone, (path) => assertSameTree(join(path, 'copy'), ground.source));
    });
  }
}

interface Ground {
  readonly disk: LoopFileSystem;
  readonly destination: string;
  readonly source: string;
  /** What was at the destination before the run. */
  readonly old: string;
}

interface GroundPlan {
  readonly type: FileSystemType;
  readonly run: Run;
  readonly chance: Chance;
}

/** A third of the files will be replaced, the rest is new. */
async function prepareGround(t: TestContext, { type, run, chance }: GroundPlan): Promise<Ground> {
  const [source, old] = [await temporaryFolder(t, { memoryBytes: GiB }), await temporaryFolder(t, { memoryBytes: GiB })];
  plantTree(source, makeFiles(run.fileCount, run, chance));
  plantTree(old, makeFiles(run.fileCount / 3, run, chance));
  const host = await loopFileSystem(t, { type: 'xfs', sizeBytes: 4 * GiB });
  const disk = await loopFileSystem(t, { type, sizeBytes: GiB, imageFolder: host.path });
  const destination = join(disk.path, 'copy');
  await execute('cp', ['-a', old, destination]);
  await execute('sync', ['--file-system', destination]);
  return { disk, destination, source, old };
}

function makeFiles(count: number, { maxBytes }: Run, chance: Chance): TreeDescription {
  // Most files are small and most bytes in large ones, as it is everywhere; and some files are empty.
  const makeFile = (): Buffer => randomBytes(Math.max(0, Math.floor(maxBytes * chance.fraction() ** 4) - 100));
  const indexes = Array.from({ length: count }, (_, index) => index);
  const folder = (parity: number): TreeDescription =>
    Object.fromEntries(indexes.filter((index) => index % 2 === parity).map((index) => [`${index}.bin`, makeFile()]));
  return { even: folder(0), odd: folder(1) };
}

function copying({ source, destination }: Ground, { durability }: Run): readonly string[] {
  return ['--quiet', '--durability', durability, '--update', 'if-different', source, destination];
}

/** Clones the disk at random moments until the run has ended; keeps some of them, and the last ones. */
async function cloneUntilEnded({ hasEnded, until }: Running, { disk, destination }: Ground, chance: Chance): Promise<readonly string[]> {
  await using _neighbour = await startNeighbour(disk.path);
  const changedAt = (): bigint => lstatSync(join(destination, 'even'), { bigint: true }).ctimeNs;
  const before = changedAt();
  await until('it changes the destination', () => changedAt() !== before);

  const earlier: string[] = [];
  const latest: string[] = [];
  for (let count = 1; !hasEnded(); count += 1) {
    latest.push(await cloneDisk(disk, `${count}`));
    const oldest = latest.length > latestCount ? latest.shift() : undefined;
    if (oldest !== undefined) await keepByChance(earlier, oldest, chance.index(count - latestCount));
    await setTimeout(chance.between(0, longestPauseMs));
  }
  return [...earlier, ...latest];
}

/**
 * Reservoir sampling: of all that were offered, each is kept with the same probability.
 * @param place a random index below the number of all that were offered, this one included
 */
async function keepByChance(kept: string[], offered: string, place: number): Promise<void> {
  if (kept.length < earlierCount) {
    kept.push(offered);
    return;
  }
  const replaced = kept[place];
  if (replaced !== undefined) kept[place] = offered;
  await rm(replaced ?? offered);
}

/**
 * Another program on the same disk, that synchronises a small file of its own again and again. That brings everybody's
 * metadata to the disk, and not their data.
 */
async function startNeighbour(folder: string): Promise<AsyncDisposable> {
  const file = await open(join(folder, 'neighbour'), 'w');
  const leave = new AbortController();
  const work = async (): Promise<void> => {
    while (!leave.signal.aborted) {
      await file.write('a line\n');
      await file.sync();
      await setTimeout(neighbourPauseMs);
    }
    await file.close();
  };
  const working = work();
  return {
    [Symbol.asyncDispose]: async () => {
      leave.abort();
      await working;
    },
  };
}

async function cloneDisk({ image }: LoopFileSystem, name: string): Promise<string> {
  const clone = `${image}.${name}`;
  await copyFile(image, clone, constants.COPYFILE_FICLONE_FORCE);
  return clone;
}

/** What the disk had got of the copy. */
interface Stage {
  readonly newCount: number;
  readonly unfinishedCount: number;
}

async function withDisk<T>(t: TestContext, image: string, look: (path: string) => T): Promise<T> {
  const { path, unmount } = await mountImage(t, image);
  try {
    return look(path);
  } finally {
    await unmount();
    await rm(image);
  }
}

function checkCopy(destination: string, { source, old }: Ground): Stage {
  let [newCount, unfinishedCount] = [0, 0];
  for (const path of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    const [copy, fresh, previous] = [join(destination, path), join(source, path), join(old, path)];
    if (lstatSync(fresh).isDirectory()) continue;
    const isNew = existsSync(copy) && sameContent(copy, fresh);
    assert.ok(isNew || !passesForFinished(copy, fresh), `${path} has the size and time of a finished file, and other bytes`);
    if (!isNew && existsSync(previous)) {
      assert.ok(existsSync(copy), `${path} is gone`);
      assert.ok(sameContent(copy, previous), `${path} is neither the old file nor the new one`);
    }
    if (isNew) newCount += 1;
    else unfinishedCount += 1;
  }
  return { newCount, unfinishedCount };
}

function describeStages(stages: readonly Stage[]): string {
  const begun = stages.filter(({ newCount, unfinishedCount }) => newCount > 0 && unfinishedCount > 0).length;
  const done = stages.filter(({ unfinishedCount }) => unfinishedCount === 0).length;
  return `${stages.length} disks: ${stages.length - begun - done} had no new file, ${begun} some, ${done} all`;
}
