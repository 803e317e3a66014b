import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../support/clean-up.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { loopFileSystem, obstacleToLoop } from '../support/loop-file-system.ts';
import { execute } from '../support/programs.ts';
import { readDocument, smartcopy, smartcopyDone } from '../support/smartcopy.ts';
import { temporariesBelow } from '../support/temporaries.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { hardLink, plantTree, symbolicLink, type TreeDescription } from '../support/tree.ts';

const MiB = 1024 ** 2;

/** Where a file system of this kind is mounted for the test; nothing, and the test skipped, where that is not possible. */
type Mount = (t: TestContext, sizeBytes: number) => Promise<string | undefined>;

const kinds: Readonly<Record<string, Mount>> = {
  ext4: (t, sizeBytes) => mountLoop(t, 'ext4', sizeBytes),
  xfs: (t, sizeBytes) => mountLoop(t, 'xfs', sizeBytes),
  btrfs: (t, sizeBytes) => mountLoop(t, 'btrfs', sizeBytes),
  tmpfs: mountTmpfs,
  'overlay on ext4': mountOverlay,
};

for (const [kind, mount] of Object.entries(kinds)) {
  test(`${kind}: a tree of every kind is copied, replaced, and found unchanged`, async (t) => {
    const disk = await mount(t, 512 * MiB);
    if (disk === undefined) return;
    const source = join(disk, 'source');
    plantTree(source, everyKind('one'));
    truncateSync(join(source, 'folder', 'grown'), 3 * MiB); // a hole at its end
    const destination = join(disk, 'copy');

    for (const durability of ['none', 'batch', 'file']) {
      await smartcopyDone(t, ['--quiet', '--update', 'always', '--durability', durability, source, destination]);
      assertSameTree(destination, source);
    }
    plantTree(destination, { 'small.txt': 'somebody wrote here', folder: { 'large.bin': 'and here' } });
    await smartcopyDone(t, ['--quiet', '-i', '--verify', source, destination]);
    assertSameTree(destination, source);
    const { progress } = readDocument(await smartcopyDone(t, ['-i', '--json', source, destination]));
    assert.deepEqual([progress.filesDone, progress.bytesDone], [0, 0]);
  });

  test(`${kind}: without room, old files stay whole and nothing is left behind`, async (t) => {
    const disk = await mount(t, 400 * MiB);
    if (disk === undefined) return;
    const destination = join(disk, 'copy');
    const names = Array.from({ length: 8 }, (_, index) => `${index}.bin`);
    plantTree(destination, Object.fromEntries(names.map((name) => [name, 'old'])));
    const source = await temporaryFolder(t, { memoryBytes: 600 * MiB });
    plantTree(source, Object.fromEntries(names.map((name) => [name, randomBytes(66 * MiB)])));

    const ended = await smartcopy(t, ['--json', '--durability', 'batch', source, destination]);

    assert.equal(ended.status, 1, ended.stderr);
    const { errors } = readDocument(ended);
    assert.deepEqual(new Set(errors.map(({ reason }) => reason)), new Set(['NoSpace']));
    assert.deepEqual(temporariesBelow(destination), []);
    assert.deepEqual(readdirSync(destination).sort(), names);
  });

  test(`${kind}: the engine's own tests pass on it`, {
    skip: engineTests() === undefined && 'engine_tests is not built here',
  }, async (t) => {
    const disk = await mount(t, 512 * MiB);
    if (disk === undefined) return;
    await execute('env', [
      `SMARTCOPY_TEST_FOLDER=${disk}`,
      engineTests() ?? '',
      '--gtest_brief=1',
      `--gtest_filter=TreeCopy.*:HardLinks.*-${notHere.join(':')}`,
    ]);
  });
}

/** Where blocks are shared, nothing is held by a limit; and another user does not get into this test's folder. */
const notHere = [
  'TreeCopy.PassesThroughDirectoriesThatMayNotBeRead',
  'TreeCopy.PublishesTotalsWhileItRuns',
  'TreeCopy.HoldsALiveLimit',
  'TreeCopy.KeepsWhatWasFinishedWhenCancelled',
  'TreeCopy.TwoRunsOfOneJobLeaveEachOtherAlone',
  'TreeCopy.LeavesWhatSomebodyElsePutInItsPlace',
];

function engineTests(): string | undefined {
  return process.env.SMARTCOPY_ENGINE_TESTS;
}

function everyKind(word: string): TreeDescription {
  return {
    empty: '',
    'small.txt': word,
    'first name': randomBytes(100_000),
    'second name': hardLink('first name'),
    link: symbolicLink('nowhere'),
    folder: { 'large.bin': randomBytes(70 * MiB), grown: word, inner: { 'unaligned.bin': randomBytes(70_001) }, empty: {} },
  };
}

async function mountLoop(t: TestContext, type: 'ext4' | 'xfs' | 'btrfs', sizeBytes: number): Promise<string | undefined> {
  const obstacle = await obstacleToLoop(t, type);
  if (obstacle === undefined) return (await loopFileSystem(t, { type, sizeBytes })).path;
  t.skip(obstacle);
  return undefined;
}

async function mountTmpfs(t: TestContext, sizeBytes: number): Promise<string | undefined> {
  return await mounted(t, join(await temporaryFolder(t), 'mounted'), ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'none']);
}

async function mountOverlay(t: TestContext, sizeBytes: number): Promise<string | undefined> {
  const disk = await mountLoop(t, 'ext4', sizeBytes);
  if (disk === undefined) return undefined;
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(disk, name));
  for (const folder of [lower, upper, work]) mkdirSync(folder ?? '');
  return await mounted(t, join(disk, 'merged'), ['-t', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, 'none']);
}

async function mounted(t: TestContext, path: string, mountArguments: readonly string[]): Promise<string | undefined> {
  mkdirSync(path);
  try {
    await execute('mount', [...mountArguments, path]);
  } catch (error) {
    t.skip(`it cannot be mounted here: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  cleanUp(t, async () => {
    await execute('umount', [path]);
  });
  return path;
}
