import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSmartcopy } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// Selection over a real tree, the sources of this repository, with find as the other opinion.

const repository = join(import.meta.dirname, '..', '..');
const packages = ['crds', 'node-agent', 'operator', 'test'];

/** What find prints of the packages, made one tree; sorted as bytes. */
function find(top: string, ...expression: readonly string[]): readonly string[] {
  const text = execFileSync('find', ['.', '-mindepth', '1', ...expression, '-printf', '%P\n'], { cwd: top, encoding: 'utf8' });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

function makeTree(folder: string): string {
  const tree = join(folder, 'tree');
  execFileSync('mkdir', [tree]);
  for (const name of packages) execFileSync('cp', ['-a', '--no-dereference', join(repository, name), join(tree, name)]);
  execFileSync('sh', ['-c', `find . -name node_modules -prune -exec rm -rf {} +`], { cwd: tree });
  return tree;
}

const directoriesOf = (files: readonly string[]): readonly string[] => [
  ...new Set(
    files.flatMap((file) =>
      file
        .split('/')
        .slice(0, -1)
        .map((_, index, names) => names.slice(0, index + 1).join('/')),
    ),
  ),
];

test('a real tree is copied by patterns as find finds it', async (t) => {
  const folder = await temporaryFolder(t);
  const tree = makeTree(folder);
  const wanted = find(
    tree,
    '-path',
    './*/test',
    '-prune',
    '-o',
    '-type',
    'f',
    '-name',
    '*.ts',
    '!',
    '-name',
    '*-cases.ts',
    '-printf',
    '%P\n',
  ).filter((name) => name.endsWith('.ts'));
  const expected = [...new Set([...wanted, ...directoriesOf(wanted)])].sort();
  assert.ok(wanted.length > 100, `${wanted.length} files are a real tree`);
  const dst = join(folder, 'dst');
  const options = ['--include', '*.ts', '--exclude', '/*/test', '--exclude', '*-cases.ts'];
  const dryRun = await startSmartcopy(t, ['-n', ...options, tree, dst]).ended;
  assert.equal(dryRun.status, 0, dryRun.stderr);
  assert.equal(existsSync(dst), false);
  const listed = dryRun.stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[2] ?? '']));
  assert.deepEqual(listed.filter((name) => name !== '.').sort(), expected, 'the dry run says the same');
  const { status, stderr } = await startSmartcopy(t, [...options, tree, dst]).ended;
  assert.equal(status, 0, stderr);
  assert.deepEqual(find(dst), expected);
});

test('what find prints is a list to copy, in any order', async (t) => {
  const folder = await temporaryFolder(t);
  const tree = makeTree(folder);
  const list = join(folder, 'list');
  writeFileSync(list, execFileSync('find', ['.', '-size', '-2k'], { cwd: tree }));
  for (const ordering of ['auto', 'smallest-first', 'largest-first', 'path']) {
    const dst = join(folder, ordering);
    const { status, stderr } = await startSmartcopy(t, ['--files-from', list, '--ordering', ordering, tree, dst]).ended;
    assert.equal(status, 0, stderr);
    const files = find(tree, '-size', '-2k', '!', '-type', 'd');
    assert.deepEqual(find(dst, '!', '-type', 'd'), files);
  }
  assert.ok(readdirSync(folder).length > 4);
});

test('files begin in the order that was asked for', async (t) => {
  const folder = await temporaryFolder(t);
  const tree = makeTree(folder);
  const begun = async (ordering: string): Promise<readonly string[]> => {
    const options = ['-pv', '-t', '1', '--ordering', ordering];
    const { stdout } = await startSmartcopy(t, [...options, tree, join(folder, `in-${ordering}`)]).ended;
    return stdout.split('\n').filter((line) => /^(readWrite|reflink)\t/.test(line));
  };
  const sizes = (lines: readonly string[]): readonly number[] => lines.map((line) => Number(line.split('\t')[1]));
  const [smallest, largest, path] = [await begun('smallest-first'), await begun('largest-first'), await begun('path')];
  assert.ok(smallest.length > 100);
  assert.deepEqual(
    sizes(smallest),
    sizes(smallest).toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    sizes(largest),
    sizes(largest).toSorted((a, b) => b - a),
  );
  const paths = path.map((line) => Buffer.from(line.split('\t')[2] ?? ''));
  assert.deepEqual(paths, paths.toSorted(Buffer.compare));
});
