import assert from 'node:assert/strict';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { assertSameTree } from '../support/compare-trees.ts';
import { execute } from '../support/programs.ts';
import { type CopyDocument, readDocument, readJobList, smartcopyDone } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What every Linux has: many small files, some large ones, links of both kinds, names and modes nobody would make up. */
const parent = '/usr';
const names = ['share', 'lib'] as const;
const fewestEntries = 10_000;

const GiB = 1024 ** 3;
/** Hosts with more than that in these folders would turn this into a test of patience. */
const mostBytes = 12 * GiB;

test('the CLI copies /usr/share and /usr/lib as they are, and with -i finds nothing left to do', async (t) => {
  const folder = await roomyFolder(t, { inMemory: false });
  if (folder === undefined) return;
  for (const name of names) await smartcopyDone(t, [join(parent, name), join(folder, name)]);

  const again = [];
  for (const name of names) again.push(readDocument(await smartcopyDone(t, ['-i', '--json', join(parent, name), join(folder, name)])));

  assertNothingCopied(again);
  for (const name of names) assertSameTree(join(folder, name), join(parent, name));
});

test('jobs in a file copy /usr/share and /usr/lib as they are, and run again find nothing left to do', async (t) => {
  const folder = await roomyFolder(t, { inMemory: true });
  if (folder === undefined) return;
  const file = join(await temporaryFolder(t), 'jobs.yaml');
  await writeFile(file, names.map(describeJob).join('---\n'));
  const running = ['run', '--json', '--root', `system=${parent}`, '--root', `copies=${folder}`, file];
  await smartcopyDone(t, running);

  const again = readJobList(await smartcopyDone(t, running));

  assertNothingCopied(again);
  for (const name of names) assertSameTree(join(folder, 'of', name), join(parent, name));
});

function describeJob(name: string): string {
  return `
apiVersion: smartcopy.io/v1alpha1
kind: TransferJob
metadata: { name: ${name} }
spec:
  source: { nodePath: { root: system, path: ${name}, nodeName: here } }
  destination: { nodePath: { root: copies, path: of/${name}, nodeName: here } }
  verify: { algorithm: XXH3, level: Readback }
`;
}

function assertNothingCopied(documents: readonly CopyDocument[]): void {
  assert.equal(documents.length, names.length);
  for (const { phase, progress } of documents) {
    assert.equal(phase, 'Complete');
    assert.deepEqual([progress.filesDone, progress.bytesDone, progress.filesFailed], [0, 0, 0]);
    assert.equal(progress.filesUnchanged, progress.filesTotal);
  }
  const entryCount = documents.reduce((sum, { progress }) => sum + progress.filesTotal, 0);
  assert.ok(entryCount > fewestEntries, `only ${entryCount} files`);
}

/** A folder with room for all of it; undefined, and the test marked as skipped, where there is none. */
async function roomyFolder(t: TestContext, { inMemory }: { readonly inMemory: boolean }): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    t.skip('keeping owners needs root');
    return undefined;
  }
  const sizes = await execute('du', ['-s', '-B1', '--', ...names.map((name) => join(parent, name))]);
  const totalBytes = sizes.split('\n').reduce((sum, line) => sum + Number.parseInt(line || '0', 10), 0);
  const folder = await temporaryFolder(t, inMemory ? { memoryBytes: totalBytes } : {});
  const { bavail, bsize } = await statfs(folder);
  const missing = totalBytes > mostBytes || bavail * bsize < totalBytes + GiB;
  if (!missing) return folder;
  t.skip(`${names.join(' and ')} of ${parent} have ${(totalBytes / GiB).toFixed(1)} GiB, too much for this test or for ${folder}`);
  return undefined;
}
