import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { transferJobStatus } from '@smartcopy/crds';
import { probeIoUring } from '@smartcopy/native';
import { z } from 'zod';
import { runCli, temporaryDirectory } from './run-cli.ts';

const MiB = 1024 ** 2;

/** A file with 300,001 bytes of data at the beginning and 100 MiB on, and holes in between and at the end. */
function sparseTree(t: TestContext): { readonly top: string; readonly sizeBytes: number } {
  const top = temporaryDirectory(t);
  mkdirSync(join(top, 'src'));
  const fd = openSync(join(top, 'src/disk.img'), 'w');
  const data = randomBytes(300_001);
  for (const at of [0, 100 * MiB]) writeSync(fd, data, 0, data.length, at);
  ftruncateSync(fd, 120 * MiB + 7);
  closeSync(fd);
  writeFileSync(join(top, 'src/dense.bin'), randomBytes(3 * MiB + 5));
  return { top, sizeBytes: 123 * MiB + 12 };
}

const ways = [
  { options: ['--io', 'posix'], method: 'readWrite' },
  { options: ['--io', 'mmap'], method: 'mmap' },
  { options: ['--io', 'uring'], method: probeIoUring().available ? 'ioUring' : 'readWrite' },
  { options: ['--io', 'posix', '--direct-io'], method: 'readWrite' },
] as const;
for (const { options, method } of ways) {
  test(`${options.join(' ')} moves the data by ${method}, keeps the holes, and says so`, async (t) => {
    const { top, sizeBytes } = sparseTree(t);
    const { status, stdout, stderr } = await runCli(['--json', ...options, 'src', 'dst'], top);
    assert.equal(status, 0, stderr);
    for (const name of ['disk.img', 'dense.bin'])
      assert.ok(readFileSync(join(top, 'src', name)).equals(readFileSync(join(top, 'dst', name))), name);
    const { engineUsed = {}, progress } = transferJobStatus.parse(JSON.parse(stdout));
    const { directIoBytes: _beside, ...byMethod } = engineUsed as Readonly<Record<string, number>>;
    assert.equal(
      Object.values(byMethod).reduce((sum, bytes) => sum + bytes, 0),
      progress?.bytesDone,
    );
    assert.deepEqual([progress?.bytesDone, progress?.bytesTotal], [sizeBytes, sizeBytes]);
    assert.ok((byMethod[method] ?? 0) >= 3 * MiB);
    assert.ok((byMethod.holes ?? 0) > 118 * MiB);
    assert.ok(statSync(join(top, 'dst/disk.img')).blocks * 512 < 2 * MiB);
  });
}

test('--sparse never writes holes out, and always makes holes of zeros', async (t) => {
  const { top } = sparseTree(t);
  writeFileSync(join(top, 'src/zeros'), Buffer.alloc(5 * MiB));
  await runCli(['--sparse', 'never', 'src', 'never'], top);
  await runCli(['--sparse', 'always', 'src', 'always'], top);
  const allocated = (name: string): number => statSync(join(top, name)).blocks * 512;
  assert.ok(allocated('never/disk.img') >= 120 * MiB);
  assert.ok(allocated('never/zeros') >= 5 * MiB);
  assert.ok(allocated('always/disk.img') < 2 * MiB);
  assert.ok(allocated('always/zeros') <= 64 * 1024);
  for (const name of ['never', 'always']) assert.ok(readFileSync(join(top, name, 'zeros')).equals(Buffer.alloc(5 * MiB)));
});

test('holes are said beside the way that the data went, and are no way themselves', async (t) => {
  const { top } = sparseTree(t);
  writeFileSync(join(top, 'src/empty.img'), '');
  truncateSync(join(top, 'src/empty.img'), MiB);
  const mixed = await runCli(['--io', 'posix', '--progress', '--verbose', 'src', 'dst'], top);
  assert.match(mixed.stderr, /, by read\/write, 1[12]\d\.\d MiB of it holes\n$/);
  assert.match(mixed.stdout, /^readWrite\t125829127\tdisk\.img$/m);
  assert.match(mixed.stdout, /^holes\t1048576\tempty\.img$/m);
  const alone = await runCli(['--io', 'posix', 'src/empty.img', 'copy.img'], top);
  assert.match(alone.stderr, /^smartcopy: 1 file, 1\.0 MiB in \d\.\d\d s, all of it holes\n$/);
});

test('a way that was named and is not to be had is said also without -v', async (t) => {
  const { top } = sparseTree(t);
  const { status, stderr } = await runCli(['--io', 'mmap', '--verify', 'blake3', 'src', 'dst'], top);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^smartcopy: mmap was not offered \(EOPNOTSUPP\), readWrite was used instead: 2 times$/m);
});

const sparseFacts = z.object({
  path: z.string(),
  sizeBytes: z.int(),
  allocatedBytes: z.int(),
  allocatedRatio: z.number(),
  holeBytes: z.int(),
  extentCount: z.int(),
  holeCount: z.int(),
});

test('analyze --sparse tells what a file occupies and where it has holes', async (t) => {
  const { top } = sparseTree(t);
  const { status, stdout, stderr } = await runCli(['analyze', '--json', '--sparse', 'src/disk.img'], top);
  assert.equal(status, 0, stderr);
  const facts = sparseFacts.parse(JSON.parse(stdout));
  const blocks = statSync(join(top, 'src/disk.img')).blocks * 512;
  assert.deepEqual([facts.path, facts.sizeBytes, facts.allocatedBytes], ['src/disk.img', 120 * MiB + 7, blocks]);
  assert.deepEqual([facts.extentCount, facts.holeCount], [2, 2]);
  assert.ok(facts.holeBytes > 119 * MiB && facts.allocatedRatio < 0.02);

  const table = await runCli(['analyze', '--sparse', 'src/dense.bin'], top);
  assert.match(table.stdout, /^src\/dense\.bin\n {2}size {12}3\.0 MiB \(3,145,733 bytes\)\n(.*\n)* {2}holes {11}none\n/);
});

test('what has no holes to speak of is bad input to analyze --sparse', async (t) => {
  const { top } = sparseTree(t);
  const directory = await runCli(['analyze', '--sparse', 'src'], top);
  assert.deepEqual([directory.status, directory.stderr], [2, 'smartcopy: src is no regular file; only those have holes\n']);
  const missing = await runCli(['analyze', '--sparse', 'missing'], top);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^smartcopy: the holes of missing cannot be looked at: ENOENT/);
});

test('the rate and the exact duration of a document are of what was moved, without holes', async (t) => {
  const { top } = sparseTree(t);
  const { stdout } = await runCli(['--json', '--io', 'posix', 'src', 'dst'], top);
  const { progress, engineUsed, durationSeconds } = JSON.parse(stdout);
  assert.ok(durationSeconds > 0);
  const moved = progress.bytesDone - engineUsed.holes - engineUsed.reflink;
  assert.ok(Math.abs(progress.bytesPerSecond - moved / durationSeconds) <= 1, stdout);
});

for (const besides of [['src'], ['--detailed'], ['--io-uring']]) {
  test(`analyze --sparse shows its file alone, and refuses ${besides.join(' ')}`, async (t) => {
    const { top } = sparseTree(t);
    const { status, stdout, stderr } = await runCli(['analyze', '--sparse', 'src/disk.img', ...besides], top);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /--sparse shows its FILE alone/);
  });
}
