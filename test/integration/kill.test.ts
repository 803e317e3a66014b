import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Chance, chanceFor } from '../support/chance.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { loopFileSystem, obstacleToLoop } from '../support/loop-file-system.ts';
import { passesForFinished } from '../support/passes-for-finished.ts';
import { sameContent } from '../support/same-content.ts';
import { type Running, smartcopyDone, startSmartcopy } from '../support/smartcopy.ts';
import { temporariesBelow } from '../support/temporaries.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { hardLink, plantTree, symbolicLink, type TreeDescription } from '../support/tree.ts';

const MiB = 1024 ** 2;
const killCount = 50;
/** Some kills come after the end and are tried again; so many in vain would mean that something else is wrong. */
const maxRunCount = 4 * killCount;

type Durability = 'none' | 'batch';

/** Two versions of a tree take each other's place as the source, so that every run replaces everything. */
interface Ground {
  readonly source: string;
  readonly otherVersion: string;
  readonly destination: string;
}

test(`killed ${killCount} times while it replaces a tree, it leaves every file old or new, and the next run completes`, async (t) => {
  const chance = chanceFor(t);
  const ground = await prepareGround(t, chance);
  const latestMs = { none: await timeCopy(t, ground, 'none'), batch: await timeCopy(t, ground, 'batch') };

  const stages: Stage[] = [];
  for (let run = 0; stages.length < killCount && run < maxRunCount; run += 1) {
    // Two runs of each version: the second one meets what is left of the first.
    if (run % 2 === 0) exchangeVersions(ground);
    const durability = run % 4 < 2 ? 'none' : 'batch';
    const { child, ended } = await startAndSeeChange(t, ground, durability);
    await setTimeout(chance.between(0, latestMs[durability]));
    child.kill('SIGKILL');
    const { signal } = await ended;
    const stage = checkWhole(ground);
    if (signal === 'SIGKILL') stages.push(stage);
    // How long a run takes depends on what else the host does: the range of moments follows, so that some always come near the end.
    latestMs[durability] *= signal === 'SIGKILL' ? 1.1 : 0.7;
  }
  assert.equal(stages.length, killCount);
  const unfinished = stages.filter(({ temporaryCount }) => temporaryCount > 0).length;
  const mixed = stages.filter(({ oldCount, newCount }) => oldCount > 0 && newCount > 0).length;
  t.diagnostic(`of ${killCount} kills ${unfinished} left temporary files and ${mixed} left old files beside new ones`);
  assert.ok(unfinished >= 5 && mixed >= 5, 'the kills came at too few different moments to show anything');

  await smartcopyDone(t, copying(ground, 'none'));
  assertSameTree(ground.destination, ground.source);
  assert.deepEqual(temporariesBelow(ground.destination), []);
});

async function prepareGround(t: TestContext, chance: Chance): Promise<Ground> {
  const folder = await quickFolder(t);
  const ground = { source: join(folder, 'source'), otherVersion: join(folder, 'other'), destination: join(folder, 'destination') };
  plantTree(ground.source, makeVersion(chance, 'one'));
  plantTree(ground.otherVersion, makeVersion(chance, 'two'));
  await smartcopyDone(t, copying(ground, 'none'));
  return ground;
}

/** On a file system that really writes back and synchronises; one whose disk is memory, where that can be had. */
async function quickFolder(t: TestContext): Promise<string> {
  if ((await obstacleToLoop(t, 'ext4')) !== undefined) return await temporaryFolder(t);
  return (await loopFileSystem(t, { type: 'ext4', sizeBytes: 1024 * MiB })).path;
}

/** Files of every way to be copied: small ones, one in ranges by all threads, links; and some that are new in each run. */
function makeVersion(chance: Chance, word: string): TreeDescription {
  const files = (count: number, maxBytes: number): TreeDescription =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.bin`, randomBytes(chance.index(maxBytes))]));
  return {
    small: files(40, 32 * 1024),
    medium: files(10, MiB),
    [freshFolder]: files(10, MiB),
    'large.bin': randomBytes(66 * MiB),
    'first-name': randomBytes(100_000),
    'second-name': hardLink('first-name'),
    link: symbolicLink(`to-${word}`),
  };
}

const freshFolder = 'fresh';

function copying({ source, destination }: Ground, durability: Durability): readonly string[] {
  // Files that were finished before the kill are left alone: a wrong one that passes for finished would stay.
  return ['--quiet', '--update', 'if-different', '--durability', durability, source, destination];
}

function exchangeVersions({ source, otherVersion, destination }: Ground): void {
  renameSync(source, `${source}.aside`);
  renameSync(otherVersion, source);
  renameSync(`${source}.aside`, otherVersion);
  rmSync(join(destination, freshFolder), { recursive: true, force: true });
}

/** How long a run works when nobody kills it, from its first change to its end. */
async function timeCopy(t: TestContext, ground: Ground, durability: Durability): Promise<number> {
  exchangeVersions(ground);
  const { ended } = await startAndSeeChange(t, ground, durability);
  const startedAtMs = performance.now();
  const { status, stderr } = await ended;
  assert.equal(status, 0, stderr);
  return performance.now() - startedAtMs;
}

async function startAndSeeChange(t: TestContext, ground: Ground, durability: Durability): Promise<Running> {
  // Whatever is made, renamed or removed in a folder changes its change time.
  const changedAt = (): bigint => lstatSync(ground.destination, { bigint: true }).ctimeNs;
  const before = changedAt();
  const running = startSmartcopy(t, copying(ground, durability));
  // After a kill in its last moments there may be nothing left to change.
  await eventually('it changes the destination or ends', () => changedAt() !== before || running.hasEnded());
  return running;
}

/** What a kill left behind. */
interface Stage {
  readonly temporaryCount: number;
  readonly oldCount: number;
  readonly newCount: number;
}

/** Fails unless every file that was there before is there, wholly old or wholly new, and none passes for what it is not. */
function checkWhole({ source, otherVersion, destination }: Ground): Stage {
  let [oldCount, newCount] = [0, 0];
  for (const path of filesBelow(source)) {
    const [copy, fresh, old] = [join(destination, path), join(source, path), join(otherVersion, path)];
    const isNew = existsSync(copy) && sameContent(copy, fresh);
    assert.ok(isNew || !passesForFinished(copy, fresh), `${path} has the size and time of a finished file, and other bytes`);
    if (isNew) newCount += 1;
    else if (!path.startsWith(freshFolder)) {
      assert.ok(existsSync(copy), `${path} is gone`);
      assert.ok(sameContent(copy, old), `${path} is neither the old file nor the new one`);
      oldCount += 1;
    }
  }
  assert.match(readlinkSync(join(destination, 'link')), /^to-(one|two)$/);
  return { temporaryCount: temporariesBelow(destination).length, oldCount, newCount };
}

function filesBelow(folder: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => lstatSync(join(folder, path)).isFile());
}
