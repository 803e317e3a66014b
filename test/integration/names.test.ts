import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameTree } from '../support/compare-trees.ts';
import { plantDeepTree } from '../support/deep-tree.ts';
import { HeldDirectory } from '../support/held-directory.ts';
import { withOpenFiles, withoutOverride } from '../support/privileges.ts';
import { lacksProgram } from '../support/programs.ts';
import { readDocument, smartcopy, smartcopyDone } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { plantTree, symbolicLink, tree } from '../support/tree.ts';

const MiB = 1024 ** 2;
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What people and programs have called files, and what breaks programs that split, quote or decode. */
const oddNames: readonly Buffer[] = [
  bytes('caf\xe9 in latin1'),
  bytes('\xff\xfe\x80'),
  bytes('cut short \xe2\x82'),
  bytes('overlong \xc0\xaf'),
  bytes('surrogate \xed\xa0\x80'),
  Buffer.from('nihongo 日本語 🗾'),
  Buffer.from('e\u0301 decomposed'),
  Buffer.from('é composed'),
  Buffer.from('turned \u202egnp.exe'),
  bytes('two\nlines'),
  bytes('\n'),
  bytes('carriage\rreturn'),
  bytes('tab\tand\x1b[31mred'),
  bytes('back\\slash'),
  bytes('\\n'),
  bytes(' '),
  bytes(' leading and trailing '),
  bytes('-rf'),
  bytes('--json'),
  bytes('*?[a]{b}'),
  bytes('"quoted" \'twice\''),
  bytes('$(touch x);`id`'),
  bytes('...'),
  bytes('.hidden'),
  bytes('.smartcopy-not-ours'),
  bytes('.smartcopy-00000000ffffffff-x'),
  bytes('n'.repeat(255)),
  Buffer.concat([bytes('\xff'.repeat(254)), bytes('\n')]),
];

test('files, folders and links of any name arrive under the same bytes', async (t) => {
  const source = await tree(t, new Map(oddNames.map((name, index) => [name, `file ${index}`])));
  plantTree(source, {
    folders: new Map(oddNames.map((name) => [name, new Map(oddNames.slice(0, 3).map((inner) => [inner, 'inside']))])),
    links: new Map(oddNames.map((name) => [name, symbolicLink(name)])),
  });
  const destination = join(await temporaryFolder(t), 'copy');

  await smartcopyDone(t, [source, destination]);
  assertSameTree(destination, source);

  const again = readDocument(await smartcopyDone(t, ['-i', '--json', source, destination]));
  assert.equal(again.progress.filesDone, 0);
  // And over files that are there.
  await smartcopyDone(t, ['--update', 'always', '--durability', 'batch', '--verify', source, destination]);
  assertSameTree(destination, source);
});

test('source and destination may have names that are no UTF-8', async (t) => {
  const folder = await tree(t, new Map([[bytes('from \xe9'), { 'a.txt': 'new' }]]));
  // Node passes on only text as arguments; printf makes the bytes.
  const by = ['sh', '-c', `exec "$0" --json "$1/$(printf 'from \\351')" "$1/$(printf 'to \\377')"`];

  const ended = await smartcopyDone(t, [folder], { by });

  assert.equal(readDocument(ended).phase, 'Complete');
  using held = HeldDirectory.open(folder);
  assert.equal(readFileSync(Buffer.concat([held.pathOf(bytes('to \xff/')), bytes('a.txt')]), 'utf8'), 'new');
});

for (const [algorithm, program, programArguments] of [
  ['xxhash3', 'xxhsum', ['-H2']],
  ['xxhash64', 'xxhsum', ['-H1']],
  ['blake3', 'b3sum', ['--no-names']],
  ['sha256', 'sha256sum', []],
] as const) {
  test(`a list of ${algorithm} digests names files as sha256sum does`, { skip: lacksProgram(program, 'sha256sum') }, async (t) => {
    // Tools differ about a carriage return: newer versions of sha256sum escape it, the tools of these digests do not.
    const names = oddNames.filter((name) => !name.includes('\r'));
    const source = await tree(t, new Map(names.map((name, index) => [name, `file ${index}`])));
    plantTree(source, { folder: new Map([[bytes('two\nlines'), 'inside']]) });
    const list = join(await temporaryFolder(t), 'digests');

    await smartcopyDone(t, ['--verify', algorithm, '--digests', list, source, join(await temporaryFolder(t), 'copy')]);

    const lines = readFileSync(list, 'latin1').split('\n').slice(0, -1);
    const script = 'cd -- "$1" && find . -type f -printf "%P\\0" | xargs -0 sha256sum --';
    const expected = execFileSync('sh', ['-c', script, 'sh', source], { encoding: 'latin1' }).split('\n').slice(0, -1);
    assert.deepEqual(lines.map(withoutDigest).sort(), expected.map(withoutDigest).sort());
    using held = HeldDirectory.open(source);
    for (const line of lines) {
      const input = readFileSync(held.pathOf(pathInLine(line)));
      const [digest] = execFileSync(program, programArguments, { input, encoding: 'utf8' }).split(/\s/);
      assert.equal(line.replace(/^\\/, '').split(' ')[0], digest, line);
    }
  });
}

test('a failing name that is no UTF-8 is whole in the JSON document and harmless on a terminal', {
  skip: lacksProgram('setpriv'),
}, async (t) => {
  const name = bytes('caf\xe9\n\x1b[31m');
  const source = await tree(t, new Map([[name, 'secret']]));
  plantTree(source, { 'a.txt': 'new' });
  using held = HeldDirectory.open(source);
  chmodSync(held.pathOf(name), 0);

  const ended = await smartcopy(t, ['--json', source, join(await temporaryFolder(t), 'copy')], { by: withoutOverride() });

  assert.equal(ended.status, 1);
  assert.deepEqual(readDocument(ended).errors, [
    {
      reason: 'PermissionDenied',
      path: 'caf\\xe9\\n\\x1b[31m',
      pathHex: name.toString('hex'),
      errno: 'EACCES',
      syscall: 'openat2',
      count: 1,
    },
  ]);
  assert.ok(ended.stderr.includes(`${source}/caf\\xe9\\n\\x1b[31m: permission denied`), ended.stderr);
  assert.ok(!ended.stderr.includes('\x1b'));
});

test('paths longer than PATH_MAX are copied', async (t) => {
  const source = await temporaryFolder(t);
  plantDeepTree(source, { levelCount: 40, name: bytes('\xff'.repeat(255)), fileName: bytes('f'.repeat(255)) });
  const destination = join(await temporaryFolder(t), 'copy');

  await smartcopyDone(t, [source, destination]);
  assertSameTree(destination, source);
  assert.equal(readDocument(await smartcopyDone(t, ['-i', '--json', source, destination])).progress.filesUnchanged, 40);
});

for (const [condition, by, given] of [
  ['', [], []],
  [', durably with at most 256 open files', withOpenFiles(256), ['--durability', 'batch']],
  [', by 16 threads with progress and at most 256 open files', withOpenFiles(256), ['--threads', '16', '--progress']],
] as const) {
  test(`2,000 levels are copied and replaced${condition}`, { skip: lacksProgram(...by.slice(0, 1)) }, async (t) => {
    const [source, folder] = [await temporaryFolder(t, { memoryBytes: 64 * MiB }), await temporaryFolder(t, { memoryBytes: 64 * MiB })];
    plantDeepTree(source, { levelCount: 2_000, name: 'folder', fileName: 'file' });
    const destination = join(folder, 'copy');
    for (const _run of ['copied', 'replaced']) {
      await smartcopyDone(t, [...given, source, destination], { by });
      assertSameTree(destination, source);
    }
  });
}

/** The mark of escapes and the path of a line, as they are. */
function withoutDigest(line: string): string {
  return line.replace(/^(\\?)[0-9a-f]+ {2}/, '$1  ');
}

function pathInLine(line: string): Buffer {
  const path = line.slice(line.indexOf('  ') + 2);
  return bytes(line.startsWith('\\') ? path.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)) : path);
}
