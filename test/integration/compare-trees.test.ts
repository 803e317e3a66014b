import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, chownSync, linkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { compareTrees } from '../support/compare-trees.ts';
import { execute } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { hardLink, plantTree, symbolicLink } from '../support/tree.ts';

/** A change to one of two equal trees, and what must be said then, perhaps beside other things. */
type Change = readonly [what: string, change: (tree: string) => unknown, said: RegExp];

const changes: readonly Change[] = [
  ['a missing file', (tree) => rmSync(join(tree, 'folder/a.txt')), /^"folder\/a\.txt": is only in expected$/],
  ['one file more', (tree) => writeFileSync(join(tree, 'folder/b.txt'), ''), /^"folder\/b\.txt": is only in actual$/],
  ['another name', (tree) => renameSync(join(tree, 'folder/a.txt'), join(tree, 'folder/A.txt')), /^"folder\/A\.txt": is only in actual$/],
  ['a longer file', (tree) => appendFileSync(join(tree, 'folder/a.txt'), '!'), /^"folder\/a\.txt": modified .*, size 6 \| 5$/],
  ['one other byte', (tree) => writeFileSync(join(tree, 'big.bin'), bigFile('?')), /^"big\.bin": has other content$/],
  ['another mode', (tree) => chmodSync(join(tree, 'folder/a.txt'), 0o4755), /^"folder\/a\.txt": type and mode 104755 \| 100644$/],
  ['a time one nanosecond later', (tree) => setTime(join(tree, 'folder'), '1.000000001'), /^"folder": modified 1000000001 \| 1000000000$/],
  ['another time of a link', (tree) => setTime(join(tree, 'link'), '2'), /^"link": modified 2000000000 \| 1000000000$/],
  ['another target', (tree) => replace(tree, 'link', () => symlinkSync('nowhere', join(tree, 'link'))), /^"link": has other content$/],
  [
    'a file for a link',
    (tree) => replace(tree, 'link', () => writeFileSync(join(tree, 'link'), '')),
    /^"link": type and mode 100\d+ \| 120777/,
  ],
  [
    'a copy for a second name',
    (tree) => replace(tree, 'second', () => writeFileSync(join(tree, 'second'), 'once')),
    /^"second": is one file/,
  ],
  [
    'a second name for a copy',
    (tree) => replace(tree, 'twin', () => linkSync(join(tree, 'first'), join(tree, 'twin'))),
    /^"twin": is one file/,
  ],
];

test('equal trees compare as equal', async (t) => {
  const folder = await plantTwoTrees(await temporaryFolder(t));
  assert.deepEqual([...compareTrees(join(folder, 'one'), join(folder, 'other'))], []);
});

for (const [what, change, said] of changes) {
  test(`the comparison of trees sees ${what}`, async (t) => {
    const folder = await plantTwoTrees(await temporaryFolder(t));
    await change(join(folder, 'one'));
    const differences = [...compareTrees(join(folder, 'one'), join(folder, 'other'))];
    assert.ok(
      differences.some((line) => said.test(line)),
      differences.join('\n'),
    );
  });
}

test('the comparison of trees sees another owner', { skip: process.getuid?.() !== 0 && 'changing owners needs root' }, async (t) => {
  const folder = await plantTwoTrees(await temporaryFolder(t));
  chownSync(join(folder, 'one/folder/a.txt'), 0, 65534);
  assert.deepEqual([...compareTrees(join(folder, 'one'), join(folder, 'other'))], ['"folder/a.txt": owner 0:65534 | 0:0']);
});

async function plantTwoTrees(folder: string): Promise<string> {
  for (const name of ['one', 'other']) {
    plantTree(join(folder, name), {
      folder: { 'a.txt': 'bytes' },
      'big.bin': bigFile('!'),
      link: symbolicLink('folder/a.txt'),
      first: 'once',
      second: hardLink('first'),
      twin: 'once',
    });
    await execute('find', [join(folder, name), '-exec', 'touch', '-h', '-d', '@1', '{}', '+']);
    await execute('chmod', ['-R', 'u=rwX,go=rX', join(folder, name)]);
  }
  return folder;
}

/** Longer than the pieces in which files are compared; its last byte is given. */
function bigFile(last: string): Buffer {
  return Buffer.concat([Buffer.alloc(2.5 * 1024 ** 2), Buffer.from(last)]);
}

function replace(tree: string, name: string, make: () => void): void {
  rmSync(join(tree, name));
  make();
}

function setTime(path: string, seconds: string): Promise<unknown> {
  return execute('touch', ['-h', '-d', `@${seconds}`, path]);
}
