import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, openSync, readFileSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { plantDeepTree } from '../support/deep-tree.ts';
import { canLoop, loopFileSystem } from '../support/loop-file-system.ts';
import { withOpenFiles } from '../support/privileges.ts';
import { lacksProgram } from '../support/programs.ts';
import { readDocument, smartcopy, smartcopyDone } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { hardLink, plantTree, symbolicLink, tree } from '../support/tree.ts';

const MiB = 1024 ** 2;
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Names that the tool understands in a list: xxhsum knows no escapes, and b3sum reads lists as UTF-8. */
const tools = [
  ['xxhash3', 'xxhsum', ['plain', ' spaces ', '-rf', '世界', '*?[a]{b}']],
  ['xxhash64', 'xxhsum', ['plain', ' spaces ', '-rf', '世界', '*?[a]{b}']],
  ['blake3', 'b3sum', ['plain', ' spaces ', '-rf', '世界', 'two\nlines', 'back\\slash']],
  ['sha256', 'sha256sum', ['plain', ' spaces ', '-rf', '世界', 'two\nlines', 'back\\slash', 'caf\xe9 in latin1']],
] as const;

for (const [algorithm, program, names] of tools) {
  test(`${program} -c accepts a list of ${algorithm} digests and finds a file that changed`, { skip: lacksProgram(program) }, async (t) => {
    const files = new Map(names.map((name, index) => [name.includes('\xe9') ? bytes(name) : Buffer.from(name), `file ${index}`]));
    const source = await tree(t, files);
    // From 64 MiB several threads share a file, with BLAKE3 in ranges that are merged.
    plantTree(source, { large: randomBytes(64 * MiB + 12_345) });
    const folder = await temporaryFolder(t);
    const [destination, list, ofVerify] = [join(folder, 'copy'), join(folder, 'list'), join(folder, 'of-verify')];

    await smartcopyDone(t, ['--verify', algorithm, '--digests', list, source, destination]);
    await smartcopyDone(t, ['verify', '-a', algorithm, '--digests', ofVerify, source, destination]);

    const sorted = (path: string): readonly string[] => readFileSync(path, 'latin1').split('\n').sort();
    assert.deepEqual(sorted(ofVerify), sorted(list));
    const check = () => spawnSync(program, ['-c', list], { cwd: destination, encoding: 'utf8' });
    const checked = check();
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.equal(checked.stdout.match(/: OK$/gm)?.length, names.length + 1, checked.stdout);
    writeFileSync(join(destination, 'plain'), 'changed');
    assert.notEqual(check().status, 0);
  });
}

for (const [type, sizeBytes, mountOptions] of [
  ['ext4', 256 * MiB, 'defaults'],
  ['xfs', 400 * MiB, 'defaults'],
  ['btrfs', 400 * MiB, 'compress-force'],
] as const) {
  test(`a copy is read back from below the page cache of ${type}, ${mountOptions}`, async (t) => {
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes, mountOptions });
    const source = await tree(t, { empty: '', small: 'x', uneven: randomBytes(100_001), text: 'text '.repeat(50_000) });
    plantTree(source, { large: randomBytes(64 * MiB + 1) });
    for (const [algorithm, durability] of [
      ['sha256', 'none'],
      ['blake3', 'batch'],
    ] as const) {
      const destination = join(disk.path, algorithm);
      const given = ['--json', '--verify', algorithm, '--verify-level', 'media', '--durability', durability, source, destination];
      const ended = await smartcopyDone(t, given);
      const { bytesVerified } = z.object({ progress: z.object({ bytesVerified: z.int() }) }).parse(JSON.parse(ended.stdout)).progress;
      assert.equal(bytesVerified, readDocument(ended).progress.bytesDone);
      assert.match(ended.stdout, /read back past the page cache and found equal/);
      await smartcopyDone(t, ['verify', '-a', algorithm, source, destination]);
    }
  });
}

test('what is kept in memory has no medium, and is not copied as if it had', async (t) => {
  const source = await tree(t, { file: 'content' });
  const memory = await temporaryFolder(t, { memoryBytes: 8 * MiB });
  if (!memory.startsWith('/dev/shm')) return t.skip('this host keeps no files in memory');

  const ended = await smartcopy(t, ['--verify', '--verify-level', 'media', source, join(memory, 'copy')]);

  assert.equal(ended.status, 1);
  assert.match(
    ended.stderr,
    /nothing was copied: .*: this file system cannot be read past the page cache.*use level readback \(fstatfs: EOPNOTSUPP\)/,
  );
});

test('a byte that changed without a trace is found, in files and long files', async (t) => {
  const source = await tree(t, {
    small: 'a small file',
    large: randomBytes(20 * MiB),
    link: symbolicLink('small'),
    again: hardLink('small'),
  });
  const destination = join(await temporaryFolder(t), 'copy');
  await smartcopyDone(t, [source, destination]);
  await smartcopyDone(t, ['verify', source, destination]);
  for (const [name, offset] of [
    ['small', 3],
    ['large', 17 * MiB],
  ] as const) {
    copyFileSync(join(source, name), join(destination, `${name}.kept`));
    const file = openSync(join(destination, name), 'r+');
    writeSync(file, Buffer.from([(readFileSync(join(source, name))[offset] ?? 0) ^ 1]), 0, 1, offset);
    closeSync(file);
    utimesSync(join(source, name), 1, 1);
    utimesSync(join(destination, name), 1, 1);
  }
  for (const algorithm of ['xxhash3', 'blake3']) {
    const ended = await smartcopy(t, ['verify', '-a', algorithm, '--ignore', 'extra,time', source, destination]);
    assert.equal(ended.status, 1);
    const found = ended.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(':')[0]);
    assert.deepEqual(found.sort(), ['content again', 'content large', 'content small']);
  }
});

test('2,000 levels are compared with at most 256 open files', { skip: lacksProgram(...withOpenFiles(256).slice(0, 1)) }, async (t) => {
  const folder = await temporaryFolder(t, { memoryBytes: 64 * MiB });
  const [source, destination] = [join(folder, 'source'), join(folder, 'copy')];
  plantTree(source, {});
  plantDeepTree(source, { levelCount: 2_000, name: 'folder', fileName: 'file' });
  await smartcopyDone(t, [source, destination]);
  const ended = await smartcopyDone(t, ['verify', source, destination], { by: withOpenFiles(256) });
  assert.match(ended.stderr, /equal: 2,000 files, 2,001 directories/);
});
