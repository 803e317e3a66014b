import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { type Running, readDocument, startSmartcopy } from '../support/smartcopy.ts';
import { temporariesBelow } from '../support/temporaries.ts';
import { plantTree, tree } from '../support/tree.ts';

const MiB = 1024 ** 2;

test('a file that is written to all the time is named, its old copy stays, and the rest is copied', async (t) => {
  const growing = { 'log.txt': randomBytes(2 * MiB), 'disk.image': randomBytes(64 * MiB) }; // the second is copied in ranges
  const source = await tree(t, { ...growing, 'quiet.txt': 'new' });
  const destination = await tree(t, { 'log.txt': 'old', 'disk.image': 'old', 'quiet.txt': 'old' });

  const running = startSmartcopy(t, ['--bandwidth-limit', '60M', '--json', source, destination]);
  await writeUntilEnded(
    running,
    Object.keys(growing).map((name) => join(source, name)),
  );

  const ended = await running.ended;
  assert.equal(ended.status, 1, ended.stderr);
  for (const name of Object.keys(growing)) {
    assert.match(ended.stderr, new RegExp(`^smartcopy: ${source}/${name}: it changed while it was copied`, 'm'));
    assert.equal(readFileSync(join(destination, name), 'utf8'), 'old');
  }
  const { phase, errors } = readDocument(ended);
  assert.equal(phase, 'Failed');
  assert.deepEqual(
    errors.map(({ reason, count }) => ({ reason, count })),
    [{ reason: 'SourceChanged', count: 2 }],
  );
  assert.equal(readFileSync(join(destination, 'quiet.txt'), 'utf8'), 'new');
  assert.deepEqual(temporariesBelow(destination), []);
});

for (const [name, sizeBytes] of [
  ['small.bin', 4 * MiB],
  ['large.bin', 66 * MiB],
] as const) {
  test(`a file of ${sizeBytes / MiB} MiB that changes once while it is copied arrives as it is at the end`, async (t) => {
    const source = await tree(t, { [name]: randomBytes(sizeBytes) });
    const destination = await tree(t, { [name]: 'old' });

    const { ended, until } = startSmartcopy(t, ['--bandwidth-limit', String(sizeBytes), source, destination]);
    await until('bytes arrive', () => temporariesBelow(destination).some((path) => sizeOf(join(destination, path)) > 0));
    writeFileSync(join(source, name), 'begins otherwise', { flag: 'r+' });

    const { status, stderr } = await ended;
    assert.equal(status, 0, stderr);
    assertSameTree(destination, source);
  });
}

test('files and folders that vanish before their turn are named, and the rest is copied', async (t) => {
  const names = Array.from({ length: 24 }, (_, index) => `${index}.bin`);
  const content = randomBytes(256 * 1024);
  const source = await tree(t, Object.fromEntries(names.map((name) => [name, content])));
  plantTree(source, { folder: { below: { 'a.bin': content } } });
  const destination = await tree(t, {});

  // One thread comes to the folder after the files beside it.
  const { ended, until } = startSmartcopy(t, ['--bandwidth-limit', '4M', '--threads', '1', '--json', source, destination]);
  await until('the first file is there', () => names.some((name) => existsSync(join(destination, name))));
  const vanished = names.filter((name) => !existsSync(join(destination, name)));
  for (const name of ['folder', ...vanished]) rmSync(join(source, name), { recursive: true });

  const result = await ended;
  assert.equal(result.status, 1, result.stderr);
  const named = names.filter((name) => result.stderr.includes(`${source}/${name}: it vanished before it was copied (openat2: ENOENT)\n`));
  // The one that was being copied at that moment was open already, and arrives whole.
  const opened = vanished.filter((name) => existsSync(join(destination, name)));
  assert.deepEqual(new Set(named), new Set(vanished).difference(new Set(opened)));
  assert.ok(opened.length <= 1 && named.length > 10, `${opened.length} were open, ${named.length} had vanished`);
  assert.match(result.stderr, new RegExp(`^smartcopy: ${source}/folder: it vanished before it was copied`, 'm'));
  const { phase, errors, progress } = readDocument(result);
  assert.equal(phase, 'Failed');
  assert.deepEqual(
    errors.map(({ reason, errno, count }) => ({ reason, errno, count })),
    [{ reason: 'SourceVanished', errno: 'ENOENT', count: named.length + 1 }],
  );
  assert.equal(progress.filesDone, names.length - named.length);
  for (const name of names.filter((name) => !named.includes(name)))
    assert.equal(readFileSync(join(destination, name)).equals(content), true, name);
});

async function writeUntilEnded({ hasEnded }: Running, files: readonly string[]): Promise<void> {
  await eventually('it ends', () => {
    for (const file of files) appendFileSync(file, 'and more\n');
    return hasEnded();
  });
}

function sizeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
