import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { runCli, runShell, startCli, temporaryDirectory } from './run-cli.ts';

const documentSchema = z.object({
  equal: z.boolean(),
  cancelled: z.boolean(),
  differences: z.record(z.string(), z.number()),
  differenceCount: z.number(),
  failureCount: z.number(),
  filesRead: z.number(),
  bytesRead: z.number(),
  algorithm: z.string(),
  errors: z.array(z.object({ reason: z.string(), side: z.string(), path: z.string() })),
  found: z.array(z.object({ kind: z.string(), path: z.string(), source: z.string().optional(), destination: z.string().optional() })),
});

/** `src` and `dst`, a faithful copy. */
async function copiedTree(t: TestContext): Promise<string> {
  const top = temporaryDirectory(t);
  for (const [path, content] of Object.entries({ 'a.txt': 'alpha', 'sub/b.txt': 'beta', 'sub/empty': '' })) {
    mkdirSync(dirname(join(top, 'src', path)), { recursive: true });
    writeFileSync(join(top, 'src', path), content);
  }
  symlinkSync('a.txt', join(top, 'src/link'));
  linkSync(join(top, 'src/a.txt'), join(top, 'src/again.txt'));
  assert.equal((await runCli(['-q', 'src', 'dst'], top)).status, 0);
  return top;
}

/** Changes what the time of a file does not tell. */
function changeContent(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, 1, 1);
}

test('a copy is equal to its source, whatever the digest', async (t) => {
  const top = await copiedTree(t);
  for (const given of [[], ['--algorithm', 'xxhash3'], ['-a', 'xxhash64'], ['-a', 'blake3'], ['-a', 'sha256'], ['-t', '1']]) {
    const { status, stdout, stderr } = await runCli(['verify', ...given, 'src', 'dst'], top);
    assert.deepEqual([status, stdout], [0, ''], stderr);
    assert.match(stderr, /^smartcopy: equal: 5 files, 2 directories, 28 B of both read for (XXH3|XXH64|BLAKE3|SHA256) in \d+\.\d\d s\n$/);
  }
});

test('every difference is a line on stdout, and the status is 1', async (t) => {
  const top = await copiedTree(t);
  changeContent(join(top, 'src/sub/b.txt'), 'beta');
  changeContent(join(top, 'dst/sub/b.txt'), 'bexa');
  chmodSync(join(top, 'dst/sub/empty'), 0o600);
  rmSync(join(top, 'dst/link'));
  writeFileSync(join(top, 'dst/two\nlines'), '');
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

  const { status, stdout, stderr } = await runCli(['verify', '-a', 'sha256', '--ignore', 'time', 'src', 'dst'], top);

  assert.equal(status, 1);
  assert.deepEqual(stdout.split('\n').slice(0, -1).sort(), [
    `content sub/b.txt: SHA256 ${sha256('beta')} in the source, ${sha256('bexa')} in the destination`,
    'extra two\\nlines: file that the source lacks',
    'missing link: symbolic link that the destination lacks',
    'mode sub/empty: 0644 in the source, 0600 in the destination',
  ]);
  assert.match(stderr, /^smartcopy: 4 differences \(1 missing, 1 extra, 1 content, 1 mode\): 4 files, .*, not looked at: time\n$/);
});

test('the JSON document has the counts and the differences, which are named on stderr too', async (t) => {
  const top = await copiedTree(t);
  truncateSync(join(top, 'dst/sub/b.txt'), 1);
  chmodSync(join(top, 'dst/sub/empty'), 0o600);
  const { status, stdout, stderr } = await runCli(['verify', '--json', '--ignore', 'time,owner', '--ignore', 'mode', 'src', 'dst'], top);
  assert.equal(status, 1);
  const document = documentSchema.parse(JSON.parse(stdout));
  assert.deepEqual(document.found, [{ kind: 'size', path: 'sub/b.txt', source: '4', destination: '1' }]);
  assert.deepEqual([document.equal, document.differenceCount, document.differences.size, document.failureCount], [false, 1, 1, 0]);
  assert.match(stderr, /^smartcopy: size sub\/b\.txt: 4 bytes in the source, 1 in the destination$/m);
});

test('quiet says nothing but what could not be compared', {
  skip: process.getuid?.() !== 0 ? 'needs root to drop it' : false,
}, async (t) => {
  const top = await copiedTree(t);
  chmodSync(top, 0o755);
  writeFileSync(join(top, 'dst/sub/b.txt'), 'longer than before');
  assert.deepEqual(await runCli(['verify', '-q', 'src', 'dst'], top), { status: 1, signal: null, stdout: '', stderr: '' });

  chmodSync(join(top, 'src/a.txt'), 0);
  const asNobody = `setpriv --reuid 65534 --regid 65534 --clear-groups $smartcopy verify -q --ignore time,size,mode,owner,content src dst`;
  const { status, stdout, stderr } = await runShell(asNobody, top);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^smartcopy: src\/(a|again)\.txt: permission denied \(openat2: EACCES\)$/m);
});

test('two files are compared whatever their names, one also inside a directory', async (t) => {
  const top = await copiedTree(t);
  assert.equal((await runCli(['verify', 'src/a.txt', 'dst/again.txt'], top)).status, 0);
  assert.equal((await runCli(['verify', 'src/a.txt', 'dst'], top)).status, 0);
  const { status, stdout } = await runCli(['verify', '--ignore', 'time', 'src/a.txt', 'dst/sub/b.txt'], top);
  assert.deepEqual([status, stdout], [1, 'size .: 5 bytes in the source, 4 in the destination\n']);
  const other = await runCli(['verify', 'src', 'dst/a.txt'], top);
  assert.deepEqual([other.status, other.stdout], [1, 'type .: directory in the source, file in the destination\n']);
});

test('the digests of the source are written as sha256sum writes them', async (t) => {
  const top = await copiedTree(t);
  assert.equal((await runCli(['verify', '-a', 'sha256', '--digests', 'list', 'src', 'dst'], top)).status, 0);
  const lines = readFileSync(join(top, 'list'), 'utf8').split('\n').slice(0, -1).sort();
  const expected = ['a.txt', 'again.txt', 'sub/b.txt', 'sub/empty'].map((path) => {
    return `${createHash('sha256')
      .update(readFileSync(join(top, 'src', path)))
      .digest('hex')}  ${path}`;
  });
  assert.deepEqual(lines, expected.sort());
});

for (const side of ['src', 'dst']) {
  test(`digests below ${side} are refused, and the file there stays`, async (t) => {
    const top = await copiedTree(t);
    const { status, stderr } = await runCli(['verify', '--digests', `${side}/sub/b.txt`, 'src', 'dst'], top);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`--digests ${side}/sub/b.txt lies below ${side}`));
    assert.equal(readFileSync(join(top, side, 'sub/b.txt'), 'utf8'), 'beta');
  });
}

const badLines: readonly (readonly [line: string, sentence: RegExp])[] = [
  ['verify src', /missing required argument 'DST'; see smartcopy verify --help/],
  ['verify src nowhere', /the destination nowhere does not exist/],
  ['verify nowhere dst', /the source nowhere does not exist/],
  ['verify /dev/null dst', /the destination dst\/null does not exist/],
  ['verify -a md5 src dst', /--algorithm takes xxhash3, xxhash64, blake3 or sha256, not 'md5'/],
  ['verify --ignore mode,size,taste src dst', /--ignore takes a list of missing, extra, type, .*, link, not 'taste'/],
  ['verify --digests src/a.txt src/a.txt dst', /--digests src\/a\.txt is a file of this copy/],
  ['verify -t 1000 src dst', /--threads takes a whole number/],
];
for (const [line, sentence] of badLines) {
  test(`smartcopy ${line} exits with 2 and one sentence`, async (t) => {
    const top = await copiedTree(t);
    const { status, stdout, stderr } = await runCli(line.split(' '), top);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, sentence);
    assert.equal(stderr.split('\n').length, 2);
  });
}

test('with --json bad input has the document of verify, and not of a job', async (t) => {
  const { status, stdout } = await runCli(['verify', '--json', 'src', 'nowhere'], await copiedTree(t));
  assert.equal(status, 2);
  const message = 'the destination nowhere does not exist';
  assert.deepEqual(JSON.parse(stdout), { equal: false, reason: 'InvalidInput', message });
});

test('differences that cannot be written end the comparison, which says so', async (t) => {
  const top = await copiedTree(t);
  for (let count = 0; count < 10_000; count += 1) writeFileSync(join(top, `dst/extra-${count}`), '');
  const { stderr } = await runShell('$smartcopy verify src dst >/dev/full; echo $? >&2', top);
  assert.match(stderr, /^smartcopy: the answer could not be written to standard output: ENOSPC$/m);
  assert.match(stderr, /^smartcopy: ended early, since its answer cannot be written, /m);
  assert.doesNotMatch(stderr, /interrupted/);
  assert.match(stderr, /^1$/m);
});

test('a tree is not compared with itself', async (t) => {
  const top = await copiedTree(t);
  symlinkSync('src', join(top, 'alias'));
  const { status, stderr } = await runCli(['verify', 'src', 'alias'], top);
  assert.deepEqual([status, stderr], [3, 'smartcopy: refused: source and destination are the same\n']);
});

test('a signal ends a comparison with status 130', async (t) => {
  const top = temporaryDirectory(t);
  for (const side of ['src', 'dst']) {
    writeFileSync(join(top, side), '');
    truncateSync(join(top, side), 1024 ** 4); // A hole of a terabyte takes minutes to read.
  }
  const { process: child, result } = startCli(['verify', '--json', 'src', 'dst'], top);
  // By then it is in its work, or about to begin: both end the same way.
  setTimeout(() => child.kill('SIGINT'), 1_500);
  const { status, stdout } = await result;
  assert.equal(status, 130);
  assert.equal(documentSchema.parse(JSON.parse(stdout)).cancelled, true);
});

test('verify has a help of its own', async () => {
  const { status, stdout } = await runCli(['help', 'verify']);
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: smartcopy verify \[options\] SRC DST$/m);
});
