import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { escapePath } from '../../src/engine/escape-path.ts';
import { runCli, runShell, temporaryDirectory } from './run-cli.ts';

/** Logs and data, some of it in a cache. */
function tree(t: TestContext): string {
  const top = temporaryDirectory(t);
  const files = {
    'src/a.txt': 'alpha',
    'src/a.log': 'x'.repeat(3_000),
    'src/sub/b.txt': 'beta',
    'src/cache/c.txt': 'c',
    'src/empty/d.log': 'd',
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), content);
  }
  return top;
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

const selections: readonly (readonly [options: string, expected: readonly string[]])[] = [
  ['--exclude *.log --exclude cache/', ['a.txt', 'empty', 'sub', 'sub/b.txt']],
  ['--include *.txt', ['a.txt', 'cache', 'cache/c.txt', 'sub', 'sub/b.txt']],
  ['--include *.txt --exclude cache', ['a.txt', 'sub', 'sub/b.txt']],
  ['--include sub/** --include /a.{log,txt}', ['a.log', 'a.txt', 'sub', 'sub/b.txt']],
  ['--max-size 1K --include *.log', ['empty', 'empty/d.log']],
  ['--min-size 3K', ['cache', 'empty', 'sub']],
  ['--min-size 4 --max-size 5', ['a.txt', 'cache', 'empty', 'sub', 'sub/b.txt']],
];
for (const [options, expected] of selections) {
  test(`${options} copies ${expected.join(' ')}`, async (t) => {
    const top = tree(t);
    const { status, stderr } = await runCli([...options.split(' '), 'src', 'dst'], top);
    assert.equal(status, 0, stderr);
    assert.deepEqual(filesIn(join(top, 'dst')), expected);
  });
}

test('there may be more patterns than a TransferJob may have', async (t) => {
  const top = tree(t);
  const patterns = Array.from({ length: 300 }, (_, index) => ['--exclude', index === 299 ? '*.log' : `no-such-${index}`]).flat();
  const { status, stderr } = await runCli([...patterns, 'src', 'dst'], top);
  assert.equal(status, 0, stderr);
  assert.deepEqual(filesIn(join(top, 'dst')), ['a.txt', 'cache', 'cache/c.txt', 'empty', 'sub', 'sub/b.txt']);
});

const refusals: readonly (readonly [options: readonly string[], sentence: RegExp])[] = [
  [['--include', '[ab'], /--include: the pattern '\[ab' has a '\[' that is never closed; write \\\[ for the character itself/],
  [['--exclude', '{a,b'], /--exclude: the pattern '\{a,b' has a '\{' that is never closed/],
  [['--include', 'docs/'], /an include names files; write 'docs\/\*\*' for all below it/],
  [['--min-size', '2K', '--max-size', '1K'], /--max-size is below --min-size/],
  [['--min-size', 'big'], /--min-size takes a size/],
  [['--files-from', 'nowhere'], /--files-from nowhere cannot be read: ENOENT/],
  [['--from0'], /--from0 says how --files-from FILE is written/],
  [['--retries', 'x'], /--retries takes a whole number from 0 to 100/],
  [['--ordering', 'random'], /--ordering <order>' argument 'random' is invalid/],
  [['-n', '--verify'], /--dry-run copies nothing/],
];
for (const [options, sentence] of refusals) {
  test(`${options.join(' ')} is refused before anything starts`, async (t) => {
    const top = tree(t);
    const { status, stderr } = await runCli([...options, 'src', 'dst'], top);
    assert.equal(status, 2, stderr);
    assert.match(stderr, sentence);
    assert.equal(existsSync(join(top, 'dst')), false);
  });
}

test('a dry run lists what would be done and writes nothing, not even a directory', async (t) => {
  const top = tree(t);
  symlinkSync('a.txt', join(top, 'src/link'));
  const { status, stdout, stderr } = await runCli(['-n', '--exclude', 'cache', 'src', 'new/dst'], top);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.trimEnd().split('\n').sort(), [
    'copy\t1\tempty/d.log',
    'copy\t3000\ta.log',
    'copy\t4\tsub/b.txt',
    'copy\t5\ta.txt',
    'directory\t-\t.',
    'directory\t-\tempty',
    'directory\t-\tsub',
    'symbolicLink\t-\tlink',
  ]);
  assert.match(stderr, /would copy 5 files, 2\.9 KiB, 1 not asked for; nothing was written/);
  assert.deepEqual(readdirSync(top), ['src']);
});

test('a dry run exits as the copy would', async (t) => {
  const top = tree(t);
  mkdirSync(join(top, 'dst/a.txt'), { recursive: true });
  const { status, stdout, stderr } = await runCli(['-n', 'src', 'dst'], top);
  assert.equal(status, 1, stderr);
  assert.doesNotMatch(stdout, /a\.txt/);
  assert.match(stderr, /dst\/a\.txt: what the destination has by that name is of another type/);
});

test('with --json a dry run has standard output for its one document', async (t) => {
  const top = tree(t);
  const { stdout } = await runCli(['-n', '--json', 'src', 'dst'], top);
  const { dryRun, plannedBytes, progress, conditions } = JSON.parse(stdout);
  assert.deepEqual([dryRun, plannedBytes, progress.filesDone, progress.bytesDone], [true, 3011, 5, 0]);
  assert.match(conditions[0].message, /^would copy 5 files, 2\.9 KiB; 0 equal already$/);
  const { stdout: copied } = await runCli(['--json', 'src', 'dst'], top);
  assert.deepEqual(
    ['dryRun', 'plannedBytes'].filter((name) => name in JSON.parse(copied)),
    [],
  );
  assert.match(JSON.parse(copied).conditions[0].message, /^5 files copied/);
});

test('a list that nobody reads to its end is no success', async (t) => {
  const top = tree(t);
  const { stdout } = await runShell('$smartcopy -n src dst 2>/dev/full >/dev/full; echo $?', top);
  assert.equal(stdout.trim(), '1');
});

test('names are shown in lists as they are elsewhere', async (t) => {
  const top = tree(t);
  const names = [
    'tab\there',
    'line\nbreak',
    'back\\slash',
    'ümlaut',
    '\u202Eexe.jpg',
    '\uFEFFbom',
    'sep\u2028line',
    '\x85next',
    '\u061Cmark',
  ].map((name) => Buffer.from(name));
  names.push(Buffer.from([0xff, 0x41]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xc3, 0x28]), Buffer.from([0xf0, 0x9f, 0x98, 0x80]));
  mkdirSync(join(top, 'odd'));
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(join(top, 'odd/')), name]), '');
  const { stdout } = await runCli(['-n', 'odd', 'dst'], top);
  const shown = stdout.split('\n').flatMap((line) => (line.startsWith('copy\t0\t') ? [line.slice('copy\t0\t'.length)] : []));
  assert.deepEqual(shown.sort(), names.map((name) => escapePath(name)).sort());
});

test('--verbose with --progress lists each entry with its bytes and how they came', async (t) => {
  const top = tree(t);
  const { stdout, stderr, status } = await runCli(['-pv', 'src', 'dst'], top);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^(readWrite|reflink)\t3000\ta\.log$/m);
  assert.match(stdout, /^directory\t-\tsub$/m);
  assert.equal((await runCli(['-v', 'src', 'dst2'], top)).stdout, '');
});

test('--files-from copies what a list names, from a file or standard input', async (t) => {
  const top = tree(t);
  writeFileSync(join(top, 'list'), './a.txt\nsub/\nempty\nmissing\n');
  const { status, stderr } = await runCli(['--files-from', 'list', 'src', 'dst'], top);
  assert.equal(status, 1);
  assert.match(stderr, /src\/missing: it is in the list of what to copy, and not in the source/);
  assert.deepEqual(filesIn(join(top, 'dst')), ['a.txt', 'empty', 'sub', 'sub/b.txt']);
  const piped = await runShell(`cd src && find . -name '*.txt' -print0 | $smartcopy --files-from - --from0 -q . ../dst2; echo $?`, top);
  assert.equal(piped.stdout.trim(), '0', piped.stderr);
  assert.deepEqual(filesIn(join(top, 'dst2')), ['a.txt', 'cache', 'cache/c.txt', 'sub', 'sub/b.txt']);
});

test('a list of paths that end in NUL is refused without --from0, and so is a way up', async (t) => {
  const top = tree(t);
  writeFileSync(join(top, 'list'), 'sub/b.txt\n../list\na.txt\0a.log\0');
  const { status, stderr } = await runCli(['--files-from', 'list', 'src', 'dst'], top);
  assert.equal(status, 1);
  assert.match(stderr, /src\/a\.txt\\x00a\.log\\x00: the list holds NUL bytes; add --from0/);
  assert.match(stderr, /src\/\.\.\/list: the list of what to copy holds a \.\. there; write the path from the source down/);
  assert.deepEqual(filesIn(join(top, 'dst')), ['sub', 'sub/b.txt']);
});

test('--on-conflict decides what becomes of files that are there', async (t) => {
  const top = tree(t);
  mkdirSync(join(top, 'dst'));
  writeFileSync(join(top, 'dst/a.txt'), 'mine');
  const skipped = await runCli(['--on-conflict', 'skip', 'src', 'dst'], top);
  assert.equal(skipped.status, 0, skipped.stderr);
  assert.match(skipped.stderr, /4 files, .*, 1 skipped/);
  assert.equal(readFileSync(join(top, 'dst/a.txt'), 'utf8'), 'mine');
  const failed = await runCli(['--on-conflict', 'fail', 'src', 'dst'], top);
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /dst\/a\.txt: the destination has another by that name, which was to be kept/);
  assert.equal((await runCli(['src', 'dst'], top)).status, 0);
  assert.equal(readFileSync(join(top, 'dst/a.txt'), 'utf8'), 'alpha');
});

test('--symlinks follow copies what links lead to, and never from outside', async (t) => {
  const top = tree(t);
  writeFileSync(join(top, 'secret'), 'secret');
  symlinkSync('../a.txt', join(top, 'src/sub/up'));
  symlinkSync('../secret', join(top, 'src/out'));
  const { status, stderr } = await runCli(['--symlinks', 'follow', 'src', 'dst'], top);
  assert.equal(status, 1);
  assert.match(stderr, /src\/out: a symbolic link there leads out of the tree/);
  assert.equal(statSync(join(top, 'dst/sub/up')).size, 5);
  assert.equal(existsSync(join(top, 'dst/out')), false);
});
