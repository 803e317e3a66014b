import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { assertSameTree } from '../support/compare-trees.ts';
import { canLoop, loopFileSystem } from '../support/loop-file-system.ts';
import { execute, findProgram } from '../support/programs.ts';
import { readDocument, smartcopy } from '../support/smartcopy.ts';

const MiB = 1024 ** 2;
const TiB = 1024 ** 4;

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  test(`every way of moving bytes passes its conformance suite on ${type}`, async (t) => {
    const engineTests = process.env.SMARTCOPY_ENGINE_TESTS;
    if (engineTests === undefined) return t.skip('engine_tests is not built here');
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes: 768 * MiB });
    const folder = join(disk.path, 'conformance');
    mkdirSync(folder);
    const said = await execute('env', [`SMARTCOPY_TEST_FOLDER=${folder}`, engineTests, '--gtest_filter=All/Ways.*:Sparse.*:Refusals.*']);
    assert.match(said, /\[ {2}PASSED {2}\] [1-9]\d/);
  });
}

test('a terabyte of holes with 64 MiB of data is copied in a moment, and takes as little space', async (t) => {
  if (!(await canLoop(t, 'ext4'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 512 * MiB });
  const source = join(disk.path, 'source');
  mkdirSync(source);
  const file = openSync(join(source, 'huge.img'), 'w');
  const data = randomBytes(16 * MiB);
  for (const at of [0, TiB / 4, TiB / 2, TiB - 16 * MiB]) writeSync(file, data, 0, data.length, at);
  ftruncateSync(file, TiB);
  closeSync(file);

  const document = readDocument(await smartcopy(t, ['--json', '--io', 'posix', source, join(disk.path, 'copy')]));

  assert.deepEqual([document.engineUsed.readWrite, document.engineUsed.holes], [64 * MiB, TiB - 64 * MiB]);
  const [from, to] = [statSync(join(source, 'huge.img')), statSync(join(disk.path, 'copy/huge.img'))];
  assert.equal(to.size, TiB);
  assert.ok(to.blocks <= from.blocks * 1.01, `${to.blocks} blocks of ${from.blocks}`);
});

test('a file without copy on write shares its blocks on btrfs, and its copy is without too', async (t) => {
  if (!(await canLoop(t, 'btrfs'))) return;
  if (findProgram('chattr') === undefined) return t.skip('this host has no chattr');
  const disk = await loopFileSystem(t, { type: 'btrfs', sizeBytes: 256 * MiB });
  const source = join(disk.path, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'database'), '');
  await execute('chattr', ['+C', join(source, 'database')]);
  writeFileSync(join(source, 'database'), randomBytes(8 * MiB));

  const document = readDocument(await smartcopy(t, ['--json', source, join(disk.path, 'copy')]));

  assert.equal(document.engineUsed.reflink, 8 * MiB);
  assert.match(await execute('lsattr', [join(disk.path, 'copy/database')]), /^-*C-* /);
  assertSameTree(join(disk.path, 'copy'), source);
});

test('direct I/O goes past the page cache on a real disk, by each kind of call', async (t) => {
  if (!(await canLoop(t, 'ext4'))) return;
  const disk = await loopFileSystem(t, { type: 'ext4', sizeBytes: 512 * MiB });
  const source = join(disk.path, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'large.bin'), randomBytes(80 * MiB + 4_321));
  for (const io of ['posix', 'uring']) {
    const copy = join(disk.path, io);
    const ended = await smartcopy(t, ['--json', '--io', io, '--direct-io', '--verify', source, copy]);
    assert.equal(ended.status, 0, ended.stderr);
    const { engineUsed } = readDocument(ended);
    assert.equal(engineUsed.directIoBytes, 80 * MiB + 4096, 'all but the last part of a block');
    assert.equal(engineUsed.ioUring + engineUsed.readWrite, 80 * MiB + 4_321);
    assert.ok(readFileSync(join(source, 'large.bin')).equals(readFileSync(join(copy, 'large.bin'))));
  }
});
