import assert from 'node:assert/strict';
import { chmodSync, lchownSync, linkSync, lutimesSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { assertSameAttributes, attributesBelow } from '../support/compare-attributes.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { canLoop, type FileSystemType, loopFileSystem } from '../support/loop-file-system.ts';
import { withoutChown } from '../support/privileges.ts';
import { execute, lacksProgram } from '../support/programs.ts';
import { smartcopy } from '../support/smartcopy.ts';
import { tree } from '../support/tree.ts';

const MiB = 1024 ** 2;
const year1935 = -1_100_000_000.25;
const year2099 = 4_070_908_800.5;

const cannotSetAll =
  (process.getuid?.() !== 0 && 'setting everything needs root') || lacksProgram('getfattr', 'setfattr', 'setfacl', 'setcap');
const sizes: Readonly<Record<Exclude<FileSystemType, 'vfat'>, number>> = { ext4: 32 * MiB, xfs: 320 * MiB, btrfs: 128 * MiB };

/** One of everything that a copy has to keep. */
async function plantMetadata(top: string): Promise<void> {
  mkdirSync(join(top, 'shared'));
  writeFileSync(join(top, 'file'), 'content');
  writeFileSync(join(top, 'shared/program'), 'binary');
  symlinkSync('file', join(top, 'link'));
  linkSync(join(top, 'file'), join(top, 'shared/second name'));
  await execute('mkfifo', ['-m', '620', join(top, 'fifo')]);
  await execute('mknod', ['-m', '640', join(top, 'device'), 'c', '1', '3']);
  await execute('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(join(top, 'socket'))})`]);
  for (const name of ['file', 'shared', 'shared/program']) lchownSync(join(top, name), 1234, 4321);
  lchownSync(join(top, 'link'), 7, 8);
  await execute('setfattr', ['-n', 'user.note', '-v', 'a note', join(top, 'file')]);
  await execute('setfattr', ['-n', 'user.note', '-v', 'of a directory', join(top, 'shared')]);
  await execute('setfattr', ['-n', 'security.NTACL', '-v', '0x0001000000ff', join(top, 'file')]);
  await execute('setfattr', ['-h', '-n', 'trusted.note', '-v', 'of a link', join(top, 'link')]);
  await execute('setfacl', ['-m', 'u:1234:rwx,g:8:r', join(top, 'file')]);
  await execute('setfacl', ['-m', 'u:1234:rwx,d:u:1234:rx,d:g::-', join(top, 'shared')]);
  await execute('setcap', ['cap_net_raw+ep', join(top, 'shared/program')]);
  chmodSync(join(top, 'shared'), 0o3550);
  utimesSync(join(top, 'file'), year1935, year1935);
  lutimesSync(join(top, 'link'), year2099, year2099);
  utimesSync(join(top, 'device'), year2099, year2099);
  utimesSync(join(top, 'shared'), year1935, year1935);
}

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  test(`everything is kept on ${type}, and mended there`, { skip: cannotSetAll }, async (t) => {
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes: sizes[type] });
    const source = join(disk.path, 'source');
    const copy = join(disk.path, 'copy');
    mkdirSync(source);
    await plantMetadata(source);
    for (const durability of ['none', 'batch']) {
      const ended = await smartcopy(t, ['--preserve-strict', '--durability', durability, source, copy]);
      assert.equal(ended.status, 0, ended.stderr);
      assertSameTree(copy, source);
      await assertSameAttributes(copy, source);
    }
    const withAttributes = ['./file', './link', './shared', './shared/program', './shared/second name'];
    assert.deepEqual(Object.keys(await attributesBelow(copy)).sort(), withAttributes);

    await execute('setfattr', ['-n', 'user.more', '-v', 'x', join(copy, 'file')]);
    await execute('setfacl', ['-b', join(copy, 'shared')]);
    await execute('setcap', ['-r', join(copy, 'shared/program')]);
    const mended = await smartcopy(t, ['-i', '--preserve-strict', source, copy]);
    assert.equal(mended.status, 0, mended.stderr);
    assertSameTree(copy, source);
    await assertSameAttributes(copy, source);
  });
}

test('a file system that keeps little is told of, kind by kind, and with strict fails', { skip: cannotSetAll }, async (t) => {
  if (!(await canLoop(t, 'vfat'))) return;
  const disk = await loopFileSystem(t, { type: 'vfat', sizeBytes: 16 * MiB });
  const source = await tree(t, { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
  lchownSync(join(source, 'a.txt'), 1234, 4321);
  for (const name of ['a.txt', 'b.txt', 'c.txt']) chmodSync(join(source, name), 0o640);
  for (const name of ['a.txt', 'b.txt']) utimesSync(join(source, name), 1_000_000_001.5, 1_000_000_001.5);
  await execute('setfattr', ['-n', 'user.note', '-v', 'x', join(source, 'a.txt')]);

  const ended = await smartcopy(t, ['--json', source, join(disk.path, 'copy')]);

  assert.equal(ended.status, 0, ended.stderr);
  const { notKept } = JSON.parse(ended.stdout).progress;
  const seen = new Map(notKept.map(({ what, count, path }: { what: string; count: number; path: string }) => [what, [count, path]]));
  // Linux says that it has set a mode which FAT has no place for.
  assert.deepEqual(seen.get('mode'), [3, 'a.txt']);
  assert.deepEqual(seen.get('owner'), [1, 'a.txt']);
  assert.deepEqual(seen.get('xattr'), [1, 'a.txt']);
  assert.equal((seen.get('time') as [number, string])[0] >= 2, true);
  assert.match(
    ended.stderr,
    /^smartcopy: warning: 1 copy without the extended attributes of the source: .*\(EOPNOTSUPP\); the first: a\.txt$/m,
  );

  const again = JSON.parse((await smartcopy(t, ['-i', '--json', source, join(disk.path, 'copy')])).stdout);
  assert.deepEqual(
    again.progress.notKept.find(({ what }: { what: string }) => what === 'mode'),
    { what: 'mode', count: 3, path: 'a.txt' },
  );
  const given = ['--no-preserve', 'owner,mode,times,xattrs', '--preserve-strict'];
  assert.equal((await smartcopy(t, [...given, source, join(disk.path, 'given')])).status, 0);
  const strict = await smartcopy(t, ['--preserve-strict', source, join(disk.path, 'strict')]);
  assert.equal(strict.status, 1);
  assert.match(strict.stderr, /a\.txt: something of it could not be kept/);
});

test('a time that the file system cannot hold is told of', { skip: cannotSetAll }, async (t) => {
  if (!(await canLoop(t, 'xfs'))) return;
  const disk = await loopFileSystem(t, { type: 'xfs', sizeBytes: 320 * MiB, makeOptions: ['-m', 'bigtime=0'] });
  const source = await tree(t, { future: 'x', present: 'y' });
  utimesSync(join(source, 'future'), year2099, year2099);
  const ended = await smartcopy(t, ['--json', source, join(disk.path, 'copy')]);
  assert.equal(ended.status, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout).progress.notKept, [{ what: 'time', count: 1, path: 'future' }]);
});

test('attributes that do not fit beside the others of a file are told of', { skip: cannotSetAll }, async (t) => {
  if (!(await canLoop(t, 'ext4')) || !(await canLoop(t, 'xfs'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 32 * MiB });
  const { path: source } = await loopFileSystem(t, { type: 'xfs', sizeBytes: 320 * MiB });
  writeFileSync(join(source, 'file'), 'x');
  await execute('setfattr', ['-n', 'user.long', '-v', 'x'.repeat(20_000), join(source, 'file')]);
  const ended = await smartcopy(t, ['--json', source, join(disk.path, 'copy')]);
  assert.equal(ended.status, 0, ended.stderr);
  const [lost] = JSON.parse(ended.stdout).progress.notKept;
  assert.deepEqual([lost.what, lost.count, lost.path], ['xattr', 1, 'file']);
  assert.match(lost.errno, /^(ENOSPC|E2BIG)$/);
});

test('without the right to give files away a program keeps no capability and no setuid', { skip: cannotSetAll }, async (t) => {
  const source = await tree(t, { program: 'x', mine: 'y' });
  lchownSync(join(source, 'program'), 1234, 4321);
  chmodSync(join(source, 'program'), 0o4755);
  await execute('setcap', ['cap_net_raw+ep', join(source, 'program')]);
  const copy = join(await tree(t, {}), 'copy');
  const ended = await smartcopy(t, ['--json', source, copy], { by: withoutChown() });
  assert.equal(ended.status, 0, ended.stderr);
  assert.deepEqual(
    JSON.parse(ended.stdout).progress.notKept.map(({ what, path }: { what: string; path: string }) => [what, path]),
    [
      ['owner', 'program'],
      ['setuid', 'program'],
      ['capability', 'program'],
    ],
  );
  assert.deepEqual(await attributesBelow(copy), {});
});
