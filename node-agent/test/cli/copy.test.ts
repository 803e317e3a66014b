import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { transferJobStatus } from '@smartcopy/crds';
import { runCli, runShell, temporaryDirectory, withoutMounts } from './run-cli.ts';

/** A small tree `src` in a directory of its own. */
function smallTree(t: TestContext): string {
  const top = temporaryDirectory(t);
  writeFiles(top, { 'src/a.txt': 'alpha', 'src/sub/b.txt': 'beta', 'src/sub/empty': '' });
  symlinkSync('a.txt', join(top, 'src/link'));
  return top;
}

function writeFiles(top: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), content);
  }
}

test('the contents of a directory become the contents of a new one, parents included', async (t) => {
  const top = smallTree(t);
  const { status, stdout, stderr } = await runCli(['src', 'new/deep/dst'], top);
  assert.equal(stderr.split('\n').length, 2, stderr);
  assert.match(stderr, /^smartcopy: 4 files, 9 B in \d+\.\d\d s, .*, by read\/write\n$/);
  assert.equal(stdout, '');
  assert.equal(status, 0);
  assert.deepEqual(readdirSync(join(top, 'new/deep/dst'), { recursive: true }).sort(), ['a.txt', 'link', 'sub', 'sub/b.txt', 'sub/empty']);
  assert.equal(readFileSync(join(top, 'new/deep/dst/sub/b.txt'), 'utf8'), 'beta');
  assert.equal(readlinkSync(join(top, 'new/deep/dst/link')), 'a.txt');
  assert.equal(
    statSync(join(top, 'new/deep/dst/a.txt'), { bigint: true }).mtimeNs,
    statSync(join(top, 'src/a.txt'), { bigint: true }).mtimeNs,
  );
});

const fileCases: readonly (readonly [destination: string, arrivesAt: string])[] = [
  ['copy.txt', 'copy.txt'],
  ['new/copy.txt', 'new/copy.txt'],
  ['new/', 'new/a.txt'],
  ['existing', 'existing/a.txt'],
  ['existing/', 'existing/a.txt'],
  ['existing/other.txt', 'existing/other.txt'],
  ['old.txt', 'old.txt'],
];
for (const [destination, arrivesAt] of fileCases) {
  test(`a file copied to ${destination} arrives at ${arrivesAt}`, async (t) => {
    const top = smallTree(t);
    writeFiles(top, { 'existing/keep': 'kept', 'old.txt': 'something older and longer' });
    const { status, stderr } = await runCli(['src/a.txt', destination], top);
    assert.equal(status, 0, stderr);
    assert.equal(readFileSync(join(top, arrivesAt), 'utf8'), 'alpha');
    assert.equal(readFileSync(join(top, 'existing/keep'), 'utf8'), 'kept');
  });
}

const badInputs: readonly (readonly [given: string, sentence: RegExp])[] = [
  ['', /what to copy, and to where/],
  ['src', /missing required argument 'DST'/],
  ['src dst more', /too many arguments/],
  ['--verify md5 src dst', /--verify takes xxhash3, xxhash64, blake3 or sha256/],
  ['help src', /help stands alone, or before a command \(run, .*\); a SRC of that name is written \.\/help/],
  ['help run more', /help stands alone/],
  ['missing dst', /the source missing does not exist/],
  ['src src/a.txt', /src\/a\.txt is not a directory/],
  ['--delete-extra src dst', /unknown option '--delete-extra'/],
  ['--verify=md5 src dst', /--verify takes xxhash3, xxhash64, blake3 or sha256, not 'md5'/],
  ['-t many src dst', /--threads/],
  ['--bandwidth-limit 0 src dst', /would let nothing move/],
  ['--digests no/such/dir/file src dst', /--digests no\/such\/dir\/file cannot be written: ENOENT/],
  ['--files-from /dev/null src/a.txt dst', /--files-from lists what to copy of a directory, and src\/a\.txt is none/],
  ['--digests src/a.txt src/a.txt dst', /--digests src\/a\.txt is a file of this copy/],
  ['--digests src/sub/b.txt src/a.txt src/sub/b.txt', /--digests src\/sub\/b\.txt is a file of this copy/],
];
for (const [given, sentence] of badInputs) {
  test(`smartcopy ${given} exits with 2, one sentence and no destination`, async (t) => {
    const top = smallTree(t);
    const { status, stdout, stderr } = await runCli(given === '' ? [] : given.split(' '), top);
    assert.match(stderr, sentence);
    assert.match(stderr, /^smartcopy: [^\n]+\n$/);
    assert.equal(stdout, '');
    assert.equal(status, 2);
    assert.ok(!existsSync(join(top, 'dst')));
    assert.equal(readFileSync(join(top, 'src/a.txt'), 'utf8'), 'alpha');
  });
}

const refusals: readonly (readonly [given: string, sentence: RegExp])[] = [
  ['src src', /the same/],
  ['src srclink', /the same/],
  ['src src/sub', /inside/],
  ['src src/new/deep', /inside/],
  ['src srclink/new', /inside/],
  ['src/a.txt src/a.txt', /the same/],
  ['src/a.txt src', /the same/],
  ['src/a.txt hardlink', /the same/],
  ['src/a.txt filelink', /the same/],
];
for (const [given, sentence] of refusals) {
  test(`smartcopy ${given} is refused with 3 and leaves everything as it was`, async (t) => {
    const top = smallTree(t);
    symlinkSync('src', join(top, 'srclink'));
    symlinkSync('src/a.txt', join(top, 'filelink'));
    linkSync(join(top, 'src/a.txt'), join(top, 'hardlink'));
    const before = readdirSync(top, { recursive: true }).sort();
    const { status, stderr } = await runCli(given.split(' '), top);
    assert.match(stderr, sentence);
    assert.equal(status, 3);
    assert.deepEqual(readdirSync(top, { recursive: true }).sort(), before);
    assert.equal(readFileSync(join(top, 'src/a.txt'), 'utf8'), 'alpha');
  });
}

test('a file that cannot be copied is named, the rest is copied, and the exit status is 1', async (t) => {
  const top = smallTree(t);
  writeFiles(top, { 'dst/a.txt/inner': 'in the way' });
  const { status, stderr } = await runCli(['src', 'dst'], top);
  assert.match(stderr, /^smartcopy: dst\/a\.txt: what the destination has by that name is of another type/m);
  assert.match(stderr, /^smartcopy: 3 files, .*, 1 failure$/m);
  assert.equal(status, 1);
  assert.equal(readFileSync(join(top, 'dst/sub/b.txt'), 'utf8'), 'beta');
  assert.equal(readFileSync(join(top, 'dst/a.txt/inner'), 'utf8'), 'in the way');
});

test('names cannot steer the terminal: they are escaped where they are told', async (t) => {
  const top = temporaryDirectory(t);
  const odd = 'red\x1b[31m\nline';
  writeFiles(top, { [`src/${odd}`]: 'x', [`dst/${odd}/in-the-way`]: 'y' });
  const { status, stdout, stderr } = await runCli(['--json', 'src', 'dst'], top);
  assert.equal(status, 1);
  assert.match(stderr, /^smartcopy: dst\/red\\x1b\[31m\\nline: /m);
  assert.ok(!stderr.includes('\x1b'));
  const [error] = JSON.parse(stdout).errors;
  assert.equal(error.path, 'red\\x1b[31m\\nline');
  assert.equal(error.pathHex, undefined);
});

test('names that are no UTF-8 are copied as they are, and told with their bytes', async (t) => {
  const top = temporaryDirectory(t);
  const { status, stderr, stdout } = await runShell(
    `mkdir -p "$(printf 's\\377rc')/sub" && echo one > "$(printf 's\\377rc')/$(printf 'n\\376ame')" &&
     mkdir -p "$(printf 'd\\375st')/$(printf 'n\\376ame')" && echo two > "$(printf 's\\377rc')/other" &&
     $smartcopy --json "$(printf 's\\377rc')" "$(printf 'd\\375st')"`,
    top,
  );
  assert.match(stderr, /^smartcopy: d\\xfdst\/n\\xfeame: /m);
  assert.equal(status, 1);
  assert.equal(JSON.parse(stdout).errors[0].pathHex, Buffer.from('n\xfeame', 'latin1').toString('hex'));
  const destination = Buffer.concat([Buffer.from(`${top}/`), Buffer.from('d\xfdst', 'latin1'), Buffer.from('/other')]);
  assert.equal(readFileSync(destination, 'utf8'), 'two\n');
});

test('--verify does not swallow the source, and every level gives the same tree', async (t) => {
  const top = smallTree(t);
  for (const line of [
    '--verify',
    '--verify blake3',
    '--verify --verify-level source',
    '--durability batch',
    '--durability file -t 3 -b 4K',
  ]) {
    const destination = `dst${line.length}`;
    const { status, stderr, stdout } = await runCli([...line.split(' '), '--json', 'src', destination], top);
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).progress.bytesVerified, line === '--verify' || line === '--verify blake3' ? 9 : 0);
    assert.equal(readFileSync(join(top, destination, 'sub/b.txt'), 'utf8'), 'beta');
  }
});

test('files that were left alone are said to have no digest', async (t) => {
  const top = smallTree(t);
  await runCli(['-q', 'src', 'dst'], top);
  const noDigest = /^smartcopy: no digest was written for \d+ files? left alone$/m;
  assert.match((await runCli(['-i', '--digests', 'digests', 'src', 'dst'], top)).stderr, noDigest);
  assert.doesNotMatch((await runCli(['-i', '-q', '--digests', 'digests', 'src', 'dst'], top)).stderr, noDigest);
});

test('digests that nobody keeps are said to be, once and not with -q', async (t) => {
  const top = smallTree(t);
  const notKept = /^smartcopy: --verify-level source computes digests and compares nothing; they are not kept, --digests FILE keeps them/m;
  assert.match((await runCli(['--verify-level', 'source', 'src', 'dst'], top)).stderr, notKept);
  assert.doesNotMatch((await runCli(['--verify-level', 'source', '--digests', 'digests', 'src', 'dst'], top)).stderr, notKept);
  assert.equal((await runCli(['-q', '--verify-level', 'source', 'src', 'dst'], top)).stderr, '');
});

test('a second run with -i copies nothing, one without copies all again', async (t) => {
  const top = smallTree(t);
  await runCli(['src', 'dst'], top);
  const { ino } = statSync(join(top, 'dst/a.txt'));
  const second = await runCli(['-i', '--json', 'src', 'dst'], top);
  const { progress } = JSON.parse(second.stdout);
  assert.deepEqual([progress.filesDone, progress.filesUnchanged, progress.bytesDone, progress.bytesUnchanged], [0, 4, 0, 9]);
  assert.match(second.stderr, /^smartcopy: 0 files, 0 B in .* s, 4 unchanged$/m);
  assert.equal(statSync(join(top, 'dst/a.txt')).ino, ino);
  const third = await runCli(['--json', 'src', 'dst'], top);
  assert.equal(JSON.parse(third.stdout).progress.filesDone, 4);
});

test('-i copies what has another size or another time', async (t) => {
  const top = smallTree(t);
  await runCli(['src', 'dst'], top);
  writeFileSync(join(top, 'src/a.txt'), 'longer than before');
  utimesSync(join(top, 'src/sub/b.txt'), 1, 1);
  const { stdout } = await runCli(['--update', 'if-different', '--json', 'src', 'dst'], top);
  assert.equal(JSON.parse(stdout).progress.filesDone, 2);
  assert.equal(readFileSync(join(top, 'dst/a.txt'), 'utf8'), 'longer than before');
  assert.equal(statSync(join(top, 'dst/sub/b.txt')).mtimeMs, 1000);
});

test('--json is one document with the words of a TransferJob status', async (t) => {
  const top = smallTree(t);
  const { status, stdout } = await runCli(['--json', '-q', 'src', 'dst'], top);
  assert.equal(status, 0);
  const document = JSON.parse(stdout);
  assert.equal(document.phase, 'Complete');
  assert.deepEqual(document.errors, []);
  assert.equal(document.progress.bytesTotal, 9);
  assert.equal(document.progress.bytesDone, 9);
  assert.equal(document.progress.filesTotal, 4);
  assert.equal(document.progress.percent, 100);
  assert.equal(document.progress.totalsFinal, true);
  assert.equal(document.engineUsed.reflink + document.engineUsed.readWrite, 9);
  assert.match(document.startTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

const failingDocuments: readonly (readonly [given: string, status: number, reason: string])[] = [
  ['--json missing dst', 2, 'InvalidInput'],
  ['--json --no-such-option src dst', 2, 'InvalidInput'],
  ['--json src src/sub', 3, 'DestinationInsideSource'],
  ['--json src/a.txt src', 3, 'SameFile'],
];
for (const [given, expected, reason] of failingDocuments) {
  test(`smartcopy ${given} still prints its one document`, async (t) => {
    const { status, stdout } = await runCli(given.split(' '), smallTree(t));
    assert.equal(status, expected);
    const document = transferJobStatus.parse(JSON.parse(stdout));
    assert.equal(document.phase, 'Failed');
    assert.equal(document.conditions?.find(({ type }) => type === 'Failed')?.reason, reason);
    assert.deepEqual([document.errors, document.progress?.filesDone, document.engineUsed?.readWrite], [[], 0, 0]);
  });
}

for (const given of ['--json src dst', '--help', 'analyze', 'analyze --json']) {
  test(`smartcopy ${given} exits with 1 and a sentence when its answer cannot be written`, async (t) => {
    const top = smallTree(t);
    const { status, stderr } = await runShell(`$smartcopy ${given} >/dev/full`, top);
    assert.match(stderr, /^smartcopy: the answer could not be written to standard output: ENOSPC$/m);
    assert.equal(status, 1);
  });
}

test('an answer that cannot be written changes no graver exit status', async (t) => {
  const { status, stderr } = await runShell('$smartcopy --json src src/sub >/dev/full', smallTree(t));
  assert.match(stderr, /^smartcopy: the answer could not be written to standard output: ENOSPC$/m);
  assert.equal(status, 3);
});

test('a long answer reaches a reader who made its pipe non-blocking and reads late', async (t) => {
  const top = smallTree(t);
  const paths = Array.from({ length: 2_000 }, () => 'src').join(' ');
  const unblock = `'${process.execPath}' -e 'new (require("net").Socket)({ fd: 1 })'`;
  const readLate = `'${process.execPath}' -e 'setTimeout(() => process.stdin.pipe(process.stdout), 500)'`;
  const { status, stdout } = await runShell(`{ ${unblock}; $smartcopy analyze --json ${paths}; } | ${readLate}`, top);
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).places.length, 2_000);
});

test('-q says nothing when all went well, and names failures all the same', async (t) => {
  const top = smallTree(t);
  const { stdout, stderr } = await runCli(['-q', 'src', 'dst'], top);
  assert.equal(stdout + stderr, '');
  writeFiles(top, { 'other/a.txt/inner': 'x' });
  const failing = await runCli(['-q', 'src', 'other'], top);
  assert.match(failing.stderr, /^smartcopy: other\/a\.txt: [^\n]+\n$/);
  assert.equal(failing.status, 1);
});

test('a FIFO becomes a FIFO, or is skipped and said to be, which is no failure', async (t) => {
  const top = smallTree(t);
  await runShell('mkfifo -m 620 src/fifo', top);
  assert.equal((await runCli(['src', 'dst'], top)).status, 0);
  assert.equal(statSync(join(top, 'dst/fifo')).mode, 0o010620);
  assert.equal((await runCli(['src/fifo', 'alone'], top)).status, 0);
  assert.ok(statSync(join(top, 'alone')).isFIFO());

  const { status, stderr } = await runCli(['--no-preserve', 'special-files', 'src', 'without'], top);
  assert.match(stderr, /^smartcopy: src\/fifo: skipped: devices, sockets and FIFOs are not copied here$/m);
  assert.match(stderr, /, 1 of a special type and skipped$/m);
  assert.equal(status, 0);
  assert.ok(!existsSync(join(top, 'without/fifo')));
  assert.equal((await runCli(['-q', '--no-preserve=special-files', 'src', 'without'], top)).stderr, '');
});

test('what is not to be preserved is not, and all else is', async (t) => {
  const top = smallTree(t);
  linkSync(join(top, 'src/a.txt'), join(top, 'src/second'));
  utimesSync(join(top, 'src/a.txt'), 1_000_000_000, 1_000_000_000);
  await runShell('chmod 751 src/a.txt', top);
  const seen = async (to: string, ...options: string[]) => {
    const { status, stderr } = await runCli([...options, 'src', to], top);
    assert.equal(status, 0, stderr);
    const { nlink, mtimeMs, mode } = statSync(join(top, to, 'a.txt'));
    return { links: nlink, isOld: mtimeMs === 1_000_000_000_000, mode: (mode & 0o777).toString(8) };
  };
  assert.deepEqual(await seen('all', '--preserve-acl', '--preserve-owner', '--preserve-strict'), { links: 2, isOld: true, mode: '751' });
  assert.deepEqual(await seen('less', '--no-preserve', 'times,hardlinks'), { links: 1, isOld: false, mode: '751' });
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  assert.deepEqual(await seen('private', '--no-preserve', 'mode'), { links: 2, isOld: true, mode: '700' });
});

test('file systems mounted below the source are copied too', { skip: withoutMounts() }, async (t) => {
  const top = smallTree(t);
  const { status, stderr } = await runShell(
    `exec unshare --mount --map-root-user sh -c 'mkdir src/other && mount -t tmpfs none src/other && echo x >src/other/file && exec "$@"' - $smartcopy src dst`,
    top,
  );
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(join(top, 'dst/other/file'), 'utf8'), 'x\n');
});

/** Copies where other directories are bound into the source or destination, in a mount namespace of its own. */
const tangles: readonly (readonly [name: string, prepare: string, given: string, named: RegExp, copied: string])[] = [
  [
    'a destination bound into the source',
    'mkdir src/bound dst && mount --bind dst src/bound',
    'src dst',
    /^smartcopy: src\/bound: refused: source and destination meet here/m,
    'dst/a.txt',
  ],
  [
    'a source whose namesake at the destination is the source itself',
    'mkdir -p q/sub/sub && echo x >q/sub/file',
    'q/sub q',
    /^smartcopy: q\/sub: refused: source and destination meet here/m,
    'q/file',
  ],
];
for (const [name, prepare, given, named, copied] of tangles) {
  test(`${name} is refused with 3 where it is met, and the rest is copied`, { skip: withoutMounts() }, async (t) => {
    const top = smallTree(t);
    const { status, stdout, stderr } = await runShell(
      `exec unshare --mount --map-root-user sh -c '${prepare} && exec "$@"' - $smartcopy --json ${given}`,
      top,
    );
    assert.match(stderr, named);
    assert.equal(status, 3);
    assert.ok(existsSync(join(top, copied)));
    const document = transferJobStatus.parse(JSON.parse(stdout));
    assert.equal(document.conditions?.find(({ type }) => type === 'Failed')?.reason, 'DestinationInsideSource');
  });
}

test('-v says what was decided and what was used', async (t) => {
  const { stderr } = await runCli(
    ['-v', '-t', '3', '-b', '64K', '-i', '--verify', 'blake3', '--durability', 'batch', '--bandwidth-limit', '1G', 'src', 'dst'],
    smallTree(t),
  );
  assert.match(
    stderr,
    /^smartcopy: 3 threads, buffers of 64\.0 KiB; files of equal size and time are left alone; BLAKE3 digests, read back; durability Batch; at most 1\.0 GiB\/s$/m,
  );
  assert.match(stderr, /^smartcopy: 9 B read back and found equal$/m);
});

test('the digests are those of xxhsum and b3sum, and b3sum can check them', { skip: withoutPrograms('xxhsum', 'b3sum') }, async (t) => {
  const top = smallTree(t);
  writeFiles(top, { 'src/back\\slash\nnewline': 'odd', 'src/big': Buffer.alloc(5_000_001, 7) });
  const files = "find . -type f -not -name 'back*' -print0 | sort -z | xargs -0";
  const xxh = await runCli(['-q', '--digests', 'xxh.txt', 'src', 'dst1'], top);
  assert.equal(xxh.stderr, '');
  const xxhsum = await runShell(`cd src && ${files} xxhsum -H2 | sed 's,  \\./,  ,'`, top);
  assert.deepEqual(
    linesOf(top, 'xxh.txt').filter((line) => !line.startsWith('\\')),
    xxhsum.stdout.trimEnd().split('\n').sort(),
  );
  await runCli(['-q', '--verify', 'blake3', '--digests', 'b3.txt', 'src', 'dst2'], top);
  const b3sum = await runShell('cd dst2 && b3sum --check ../b3.txt', top);
  assert.equal(b3sum.status, 0, b3sum.stdout + b3sum.stderr);
  assert.equal(b3sum.stdout.trimEnd().split('\n').length, 5);
  assert.ok(linesOf(top, 'b3.txt').some((line) => /^\\[0-9a-f]{64} {2}back\\\\slash\\nnewline$/.test(line)));
});

const digestPlaces: readonly (readonly [given: string, sentence: RegExp])[] = [
  ['--digests src/sub/b.txt src dst', /--digests src\/sub\/b\.txt lies below src, where it could take the place of a file/],
  ['--digests src/new src dst', /--digests src\/new lies below src/],
  ['--digests filelink src dst', /--digests filelink lies below src/],
  ['--digests nolink src dst', /--digests nolink lies below src/],
  ['--digests dirlink/b.txt src dst', /--digests dirlink\/b\.txt lies below src/],
  ['--digests dst/sub/old src dst', /--digests dst\/sub\/old lies below dst/],
  ['--digests dst/new src dst', /--digests dst\/new lies below dst/],
  ['--digests none src none', /--digests none is a file of this copy/],
  ['--digests dst/none src/a.txt dst/none', /--digests dst\/none is a file of this copy/],
  ['--digests dst/a.txt src/a.txt dst', /--digests dst\/a\.txt is a file of this copy/],
  ['--digests list --files-from list src none', /--digests list is the list of --files-from itself/],
  ['--digests listlink --files-from list src none', /--digests listlink is the list of --files-from itself/],
];
for (const [given, sentence] of digestPlaces) {
  test(`smartcopy ${given} is refused, and nothing is emptied or made`, async (t) => {
    const top = smallTree(t);
    writeFiles(top, { 'dst/sub/old': 'old', list: 'a.txt\n' });
    symlinkSync('src/sub/b.txt', join(top, 'filelink'));
    symlinkSync('src/none', join(top, 'nolink'));
    symlinkSync('src/sub', join(top, 'dirlink'));
    symlinkSync('list', join(top, 'listlink'));
    const before = readdirSync(top, { recursive: true }).sort();
    const { status, stderr } = await runCli(given.split(' '), top);
    assert.match(stderr, sentence);
    assert.equal(status, 2);
    assert.deepEqual(readdirSync(top, { recursive: true }).sort(), before);
    const contents = ['src/sub/b.txt', 'dst/sub/old', 'list'].map((path) => readFileSync(join(top, path), 'utf8'));
    assert.deepEqual(contents, ['beta', 'old', 'a.txt\n']);
  });
}

const mountedPlaces: readonly (readonly [mount: string, given: string, end: string])[] = [
  ['mount --bind src mount', 'mount/sub/b.txt', 'src'],
  ['mount --bind src/sub mount', 'mount/b.txt', 'src'],
  ['mount --bind src/sub mount', 'mount/new', 'src'],
  ['mount --bind src/sub/b.txt file', 'file', 'src'],
  ['mount -t tmpfs none src/disk && touch src/disk/b && mount --bind src/disk mount', 'mount/b', 'src'],
  ['mount --bind dst/sub mount', 'mount/old', 'dst'],
];
for (const [mount, given, end] of mountedPlaces) {
  test(`digests to ${given} after ${mount} are refused, and nothing is emptied or made`, { skip: withoutMounts() }, async (t) => {
    const top = smallTree(t);
    writeFiles(top, { 'dst/sub/old': 'old', file: '' });
    for (const directory of ['mount', 'src/disk']) mkdirSync(join(top, directory));
    const before = readdirSync(top, { recursive: true }).sort();
    const { status, stderr } = await runShell(
      `exec unshare --mount --map-root-user sh -c '${mount} && exec "$@"' - $smartcopy --digests ${given} src dst`,
      top,
    );
    assert.match(stderr, new RegExp(`--digests ${given} lies below ${end}`));
    assert.equal(status, 2);
    assert.deepEqual(readdirSync(top, { recursive: true }).sort(), before);
    const contents = ['src/sub/b.txt', 'dst/sub/old'].map((path) => readFileSync(join(top, path), 'utf8'));
    assert.deepEqual(contents, ['beta', 'old']);
  });
}

test('digests below a mount of something else are written', { skip: withoutMounts() }, async (t) => {
  const top = smallTree(t);
  for (const directory of ['mount', 'elsewhere']) mkdirSync(join(top, directory));
  const mounted = `mount --bind elsewhere mount && exec "$@"`;
  const { status, stderr } = await runShell(
    `exec unshare --mount --map-root-user sh -c '${mounted}' - $smartcopy --digests mount/new src dst`,
    top,
  );
  assert.equal(status, 0, stderr);
  assert.equal(linesOf(top, 'elsewhere/new').length, 3);
});

test('digests beside a copied file, and on standard output, are written', async (t) => {
  const top = smallTree(t);
  assert.equal((await runCli(['-q', '--digests', 'dst/sums', 'src/a.txt', 'dst/'], top)).status, 2); // dst is missing.
  mkdirSync(join(top, 'dst'));
  assert.equal((await runCli(['-q', '--digests', 'dst/sums', 'src/a.txt', 'dst/'], top)).status, 0);
  assert.equal(linesOf(top, 'dst/sums').length, 1);
  const { stdout, stderr } = await runShell('$smartcopy -q --digests /dev/stdout src dst2 | cat', top);
  assert.equal(stderr, '');
  assert.equal(stdout.split('\n').length, 4);
});

test('the digests file is emptied first, and is left alone when the copy does not start', async (t) => {
  const top = smallTree(t);
  writeFileSync(join(top, 'digests'), 'old lines\n'.repeat(1000));
  assert.equal((await runCli(['--digests', 'digests', 'missing', 'dst'], top)).status, 2);
  assert.match(readFileSync(join(top, 'digests'), 'utf8'), /^old lines/);
  assert.equal((await runCli(['--digests', 'digests', 'src', 'dst'], top)).status, 0);
  assert.equal(linesOf(top, 'digests').length, 3);
});

test('digests that cannot be written are a failure, though the copy is complete', async (t) => {
  const top = smallTree(t);
  const { status, stdout, stderr } = await runCli(['--json', '--digests', '/dev/full', 'src', 'dst'], top);
  assert.equal(status, 1);
  assert.match(stderr, /^smartcopy: the digests are incomplete: write: ENOSPC$/m);
  const document = transferJobStatus.parse(JSON.parse(stdout));
  assert.equal(document.phase, 'Failed');
  assert.equal(document.conditions?.find(({ type }) => type === 'Failed')?.reason, 'DigestsIncomplete');
  assert.equal(document.progress?.filesDone, 4);
});

test('a copy of some megabytes is the same bytes', async (t) => {
  const top = temporaryDirectory(t);
  const content = Buffer.alloc(20_000_003, createHash('sha256').update('seed').digest());
  writeFiles(top, { 'src/big': content });
  const { status, stderr } = await runCli(['--verify', '-t', '4', 'src/big', 'big'], top);
  assert.equal(status, 0, stderr);
  assert.ok(readFileSync(join(top, 'big')).equals(content));
});

/** A reason to skip, naming the first program that is not installed. */
function withoutPrograms(...programs: readonly string[]): string | false {
  const missing = programs.find((program) => spawnSync(program, ['--version']).error !== undefined);
  return missing === undefined ? false : `${missing} is not installed`;
}

function linesOf(top: string, file: string): readonly string[] {
  return readFileSync(join(top, file), 'utf8').trimEnd().split('\n').sort();
}
