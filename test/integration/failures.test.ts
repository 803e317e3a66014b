import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { cleanUp } from '../support/clean-up.ts';
import { canLoop, loopFileSystem } from '../support/loop-file-system.ts';
import { withoutChown, withoutOverride } from '../support/privileges.ts';
import { execute, lacksProgram } from '../support/programs.ts';
import { readDocument, smartcopy, startSmartcopy } from '../support/smartcopy.ts';
import { temporariesBelow } from '../support/temporaries.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { plantTree, symbolicLink, tree } from '../support/tree.ts';

const MiB = 1024 ** 2;

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  test(`a full ${type} leaves old files whole, names the new ones, and gets the rest`, async (t) => {
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes: 400 * MiB });
    await fillUpTo(disk.path, 40 * MiB);
    const destination = join(disk.path, 'copy');
    plantTree(destination, { 'big.bin': 'old', 'large.bin': 'old', 'small.txt': 'old' });
    const source = await tree(t, {
      'big.bin': randomBytes(60 * MiB),
      'large.bin': randomBytes(70 * MiB), // from 64 MiB on, ranges of a file are copied by all threads
      'small.txt': 'new',
      folder: { 'another.txt': 'new', link: symbolicLink('another.txt') },
    });

    // One thread: beside it, a small file could be written in the moment in which a big one holds all the space that was left.
    const ended = await smartcopy(t, ['--json', '--threads', '1', source, destination]);

    assert.equal(ended.status, 1, ended.stderr);
    for (const name of ['big.bin', 'large.bin']) {
      assert.match(ended.stderr, new RegExp(`^smartcopy: ${destination}/${name}: no space is left .*ENOSPC`, 'm'));
    }
    const { phase, errors } = readDocument(ended);
    assert.equal(phase, 'Failed');
    assert.deepEqual(new Set(errors.map(({ reason, errno }) => `${reason} ${errno}`)), new Set(['NoSpace ENOSPC']));
    assert.equal(
      errors.reduce((sum, { count }) => sum + count, 0),
      2,
    );
    assert.deepEqual(contents(destination, ['big.bin', 'large.bin']), ['old', 'old']);
    assert.deepEqual(contents(destination, ['small.txt', 'folder/another.txt', 'folder/link']), ['new', 'new', 'new']);
    assert.deepEqual(temporariesBelow(destination), []);
  });
}

test('an unreadable file and folder are named, and all others are copied', { skip: lacksProgram('setpriv') }, async (t) => {
  const source = await tree(t, {
    'open.txt': 'new',
    'closed.txt': 'secret',
    'closed-folder': { 'inside.txt': 'secret' },
    folder: { 'last.txt': 'new' },
  });
  const destination = await tree(t, { 'closed.txt': 'old' });
  chmodSync(join(source, 'closed.txt'), 0);
  chmodSync(join(source, 'closed-folder'), 0);
  cleanUp(t, () => chmodSync(join(source, 'closed-folder'), 0o700)); // or it could not be removed

  const ended = await smartcopy(t, ['--json', source, destination], { by: withoutOverride() });

  assert.equal(ended.status, 1, ended.stderr);
  for (const name of ['closed.txt', 'closed-folder']) {
    assert.match(ended.stderr, new RegExp(`^smartcopy: ${source}/${name}: permission denied \\(openat2: EACCES\\)$`, 'm'));
  }
  const { phase, progress, errors } = readDocument(ended);
  assert.equal(phase, 'Failed');
  assert.equal(progress.filesFailed, 2);
  assert.deepEqual(
    errors.map(({ reason, errno, syscall, count }) => ({ reason, errno, syscall, count })),
    [{ reason: 'PermissionDenied', errno: 'EACCES', syscall: 'openat2', count: 2 }],
  );
  assert.deepEqual(contents(destination, ['open.txt', 'folder/last.txt', 'closed.txt']), ['new', 'new', 'old']);
  assert.deepEqual(temporariesBelow(destination), []);
});

test('an owner that cannot be kept is no failure, but said and counted, and takes setuid with it', {
  skip: cannotDropChown(),
}, async (t) => {
  const source = await tree(t, { 'theirs.txt': 'new', 'mine.txt': 'new' });
  chownSync(join(source, 'theirs.txt'), 1234, 1234);
  chmodSync(join(source, 'theirs.txt'), 0o4755);
  const destination = join(await temporaryFolder(t), 'copy');

  const ended = await smartcopy(t, ['--json', source, destination], { by: withoutChown() });

  assert.equal(ended.status, 0, ended.stderr);
  assert.match(
    ended.stderr,
    /^smartcopy: warning: 1 copy without the owner or group of the source: .*CAP_CHOWN.*; the first: theirs\.txt$/m,
  );
  assert.match(ended.stderr, /^smartcopy: warning: 1 copy without the setuid or setgid bits of the source: /m);
  const { notKept } = JSON.parse(ended.stdout).progress;
  assert.deepEqual(notKept, [
    { what: 'owner', errno: 'EPERM', count: 1, path: 'theirs.txt' },
    { what: 'setuid', errno: 'EPERM', count: 1, path: 'theirs.txt' },
  ]);
  const { uid, mode } = statSync(join(destination, 'theirs.txt'));
  assert.deepEqual([uid, mode & 0o7777], [0, 0o755]);
  assert.equal((await smartcopy(t, ['--quiet', source, destination], { by: withoutChown() })).stderr, '');
});

test('a read-only destination keeps every old file, and every new one is named', async (t) => {
  if (!(await canLoop(t, 'ext4'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 16 * MiB });
  const destination = join(disk.path, 'copy');
  plantTree(destination, { 'old.txt': 'old' });
  await execute('mount', ['-o', 'remount,ro', disk.path]);
  const source = await tree(t, { 'old.txt': 'new', 'new.txt': 'new', link: symbolicLink('new.txt'), folder: { 'last.txt': 'new' } });

  const ended = await smartcopy(t, ['--json', source, destination]);

  assert.equal(ended.status, 1, ended.stderr);
  for (const name of ['old.txt', 'new.txt', 'link', 'folder']) {
    assert.match(ended.stderr, new RegExp(`^smartcopy: ${destination}/${name}: the file system is read-only .*EROFS`, 'm'));
  }
  const { phase, errors } = readDocument(ended);
  assert.equal(phase, 'Failed');
  assert.deepEqual(new Set(errors.map(({ reason, errno }) => `${reason} ${errno}`)), new Set(['ReadOnlyFileSystem EROFS']));
  assert.deepEqual(readdirSync(destination), ['old.txt']);
  assert.deepEqual(contents(destination, ['old.txt']), ['old']);
});

test('a destination that cannot be made on a read-only file system is one named failure', async (t) => {
  if (!(await canLoop(t, 'ext4'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 16 * MiB, mountOptions: 'ro' });
  const source = await tree(t, { 'new.txt': 'new' });

  const ended = await smartcopy(t, ['--json', source, join(disk.path, 'copy')]);

  assert.equal(ended.status, 1, ended.stderr);
  assert.match(ended.stderr, /^smartcopy: nothing was copied: .*copy: .*mkdirat.*EROFS/m);
  assert.match(ended.stdout, /"phase":"Failed"/);
});

test('a disk that turns read-only in the middle keeps old files whole, and what it did not take is named', async (t) => {
  if (!(await canLoop(t, 'ext4'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 64 * MiB });
  const destination = join(disk.path, 'copy');
  const names = Array.from({ length: 20 }, (_, index) => `${index}.bin`);
  plantTree(destination, Object.fromEntries(names.map((name) => [name, 'old'])));
  const source = await tree(t, Object.fromEntries(names.map((name) => [name, randomBytes(MiB)])));

  const { ended, until } = startSmartcopy(t, ['--bandwidth-limit', '8M', '--json', source, destination]);
  await until('the first file is replaced', () => contents(destination, names).some((content) => content !== 'old'));
  await execute('mount', ['-o', 'remount,abort', disk.path]); // as ext4 itself does when the disk reports an error

  const { status, stderr } = await ended;
  assert.equal(status, 1, stderr);
  const failed = names.filter((name) => stderr.includes(`${destination}/${name}: `));
  assert.ok(failed.length > 0 && failed.length < names.length, stderr);
  for (const name of names) {
    const expected = failed.includes(name) ? 'old' : readFileSync(join(source, name), 'latin1');
    assert.ok(contents(destination, [name])[0] === expected, `${name} is not entirely ${failed.includes(name) ? 'old' : 'new'}`);
  }
});

function cannotDropChown(): string | false {
  return process.getuid?.() === 0 ? lacksProgram('setpriv') : 'only root can give a file away, and so lose the right to';
}

/** Takes space until only so much is free. */
async function fillUpTo(folder: string, freeBytes: number): Promise<void> {
  const filler = join(folder, 'filler');
  await writeFile(filler, '');
  const { bavail, bsize } = await statfs(folder);
  await execute('fallocate', ['-l', String(bavail * bsize - freeBytes), filler]);
}

function contents(folder: string, names: readonly string[]): readonly string[] {
  return names.map((name) => readFileSync(join(folder, name), 'latin1'));
}
