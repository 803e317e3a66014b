import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { assertSameTree } from '../support/compare-trees.ts';
import { plantDeepTree } from '../support/deep-tree.ts';
import { eventually } from '../support/eventually.ts';
import { readDocument, smartcopyDone, startSmartcopy } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MiB = 1024 ** 2;
/** SMARTCOPY_LARGE_TREES=1 asks for the sizes that the memory bound is about; they take minutes and a million inodes twice. */
const isLarge = process.env.SMARTCOPY_LARGE_TREES === '1';
const entryCount = isLarge ? 1_000_000 : 100_000;
/** Of which Node itself has about 70 MiB. */
const maxBytes = (isLarge ? 200 : 120) * MiB;

for (const durability of ['none', 'batch'] as const) {
  test(`${entryCount} entries in one folder take less than ${maxBytes / MiB} MiB of memory, durability ${durability}`, async (t) => {
    const source = await temporaryFolder(t, { memoryBytes: entryCount * 1024 });
    for (let index = 0; index < entryCount; index += 1) writeFileSync(join(source, `file number ${index}`), '');
    const destination = join(await temporaryFolder(t, { memoryBytes: entryCount * 1024 }), 'copy');

    for (const run of ['copied', 'unchanged']) {
      const peak = await peakBytes(t, ['--quiet', '-i', '--durability', durability, source, destination]);
      t.diagnostic(`${run}: ${Math.round(peak / MiB)} MiB`);
      assert.ok(peak < maxBytes, `${run}: ${peak} bytes`);
    }
    assert.equal(readdirSync(destination).length, entryCount);
  });
}

test(`${entryCount / 2} files with two names each take less than ${maxBytes / MiB} MiB of memory`, async (t) => {
  const source = await temporaryFolder(t, { memoryBytes: entryCount * 1024 });
  for (const folder of ['first', 'second']) mkdirSync(join(source, folder));
  for (let index = 0; index < entryCount / 2; index += 1) {
    writeFileSync(join(source, 'first', String(index)), '');
    linkSync(join(source, 'first', String(index)), join(source, 'second', String(index)));
  }
  const destination = join(await temporaryFolder(t, { memoryBytes: entryCount * 1024 }), 'copy');

  const peak = await peakBytes(t, ['--quiet', source, destination]);

  t.diagnostic(`${Math.round(peak / MiB)} MiB`);
  assert.ok(peak < maxBytes, `${peak} bytes`);
  assertSameTree(destination, source);
});

test('10,000 levels are copied, and found unchanged', async (t) => {
  const [source, folder] = [await temporaryFolder(t, { memoryBytes: 256 * MiB }), await temporaryFolder(t, { memoryBytes: 256 * MiB })];
  plantDeepTree(source, { levelCount: 10_000, name: 'd', fileName: 'f' });
  const destination = join(folder, 'copy');

  await smartcopyDone(t, ['--quiet', '--durability', 'batch', source, destination]);

  assertSameTree(destination, source);
  assert.equal(readDocument(await smartcopyDone(t, ['-i', '--json', source, destination])).progress.filesUnchanged, 10_000);
});

/** The most memory that the program had at one time, as the kernel counts it, in a run that does everything. */
async function peakBytes(t: TestContext, given: readonly string[]): Promise<number> {
  const { child, ended, hasEnded } = startSmartcopy(t, given);
  let peak = 0;
  await eventually(
    'it ends',
    () => {
      peak = Math.max(peak, highWaterBytes(child.pid));
      return hasEnded();
    },
    300_000,
  );
  const { status, stderr } = await ended;
  assert.equal(status, 0, stderr.slice(0, 1000));
  assert.ok(peak > 0);
  return peak;
}

/** 0 for a process that has no memory any more. */
function highWaterBytes(pid: number | undefined): number {
  try {
    const [, kib = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  } catch {
    return 0; // ended meanwhile
  }
}
