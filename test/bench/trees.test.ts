import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execute } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deepTree, type Group, scaleGroups, sparseTree, treeOf } from './trees.ts';

const scaled: readonly (readonly [group: Omit<Group, 'folder'>, scale: number, expected: Omit<Group, 'folder'>])[] = [
  [{ fileCount: 1000, fileBytes: 4096 }, 1, { fileCount: 1000, fileBytes: 4096 }],
  [{ fileCount: 1000, fileBytes: 4096 }, 0.1, { fileCount: 100, fileBytes: 4096 }],
  [{ fileCount: 10, fileBytes: 50_000_000 }, 0.01, { fileCount: 1, fileBytes: 5_000_000 }],
  [{ fileCount: 1, fileBytes: 1_000_000_000 }, 0.001, { fileCount: 1, fileBytes: 1_000_000 }],
  [{ fileCount: 1000, fileBytes: 0 }, 0.0001, { fileCount: 1, fileBytes: 0 }],
  [{ fileCount: 1, fileBytes: 10 }, 0.001, { fileCount: 1, fileBytes: 1 }],
];

for (const [group, scale, expected] of scaled) {
  test(`${group.fileCount} files of ${group.fileBytes} bytes at a scale of ${scale}`, () => {
    assert.deepEqual(scaleGroups([{ folder: 'f', ...group }], scale), [{ folder: 'f', ...expected }]);
  });
}

test('the files of a tree differ in content, mode and time, as its name says in number and size', async (t) => {
  const folder = await temporaryFolder(t);
  const tree = treeOf('two groups', [
    { folder: 'few', fileCount: 2, fileBytes: 100_000 },
    { folder: 'many', fileCount: 300, fileBytes: 20 },
  ]);
  tree.plant(folder);
  const paths = ['few', 'many'].flatMap((name) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)));
  const all = paths.map((path) => statSync(path));
  assert.deepEqual([paths.length, all.reduce((sum, { size }) => sum + size, 0)], [tree.fileCount, tree.bytes]);
  assert.equal(new Set(paths.map((path) => readFileSync(path, 'latin1'))).size, 302);
  assert.equal(new Set(all.map(({ mtimeMs }) => mtimeMs)).size, 302);
  assert.equal(new Set(all.map(({ mode }) => mode)).size, 3);
});

test('a hundredth of a tree is changed, with its time and not its size', async (t) => {
  const [folder, copy] = [await temporaryFolder(t), join(await temporaryFolder(t), 'copy')];
  const tree = treeOf('many', [{ folder: '.', fileCount: 200, fileBytes: 64 }]);
  tree.plant(folder);
  await execute('cp', ['-aT', folder, copy]);
  assert.equal(tree.firstDifference(copy, folder, []), undefined);
  tree.change?.(folder);
  const changed = readdirSync(folder).filter((name) => !readFileSync(join(folder, name)).equals(readFileSync(join(copy, name))));
  assert.deepEqual(changed.sort(), ['0', '100']);
  for (const name of readdirSync(folder)) {
    const [now, before] = [statSync(join(folder, name)), statSync(join(copy, name))];
    assert.equal(now.size, before.size);
    assert.equal(now.mtimeMs !== before.mtimeMs, changed.includes(name), name);
  }
});

test('a deep tree can be deeper than a path may be long', async (t) => {
  const folder = await temporaryFolder(t);
  deepTree('deep', { chainCount: 2, levelCount: 20, pathBytes: 5000 }).plant(folder);
  const files = (await execute('find', [folder, '-type', 'f', '-printf', '%d %P\n'])).trimEnd().split('\n');
  assert.equal(files.length, 2 * 20);
  assert.ok(files.some((line) => line.length > 4096));
});

test('a sparse tree occupies its data alone, and a copy is looked at around its data', async (t) => {
  const [folder, copy] = [
    await temporaryFolder(t, { memoryBytes: 2 ** 25 }),
    join(await temporaryFolder(t, { memoryBytes: 2 ** 25 }), 'copy'),
  ];
  const tree = sparseTree('holes', { bytes: 2 ** 30, extentCount: 8 });
  tree.plant(folder);
  const file = join(folder, 'sparse');
  assert.deepEqual([statSync(file).size, statSync(file).blocks * 512], [2 ** 30, tree.bytes]);

  await execute('cp', ['-aT', folder, copy]);
  assert.equal(tree.firstDifference(copy, folder, []), undefined);
  await execute('dd', [`of=${copy}/sparse`, 'if=/dev/zero', 'bs=1', 'count=1', `seek=${2 ** 27 + 5}`, 'conv=notrunc', 'status=none']);
  assert.match(tree.firstDifference(copy, folder, ['file times']) ?? '', /^sparse: has other content after/);
  truncateSync(join(copy, 'sparse'), 2 ** 29);
  assert.match(tree.firstDifference(copy, folder, ['file times']) ?? '', /^sparse: size/);
});

test('what a tool is known to lack is left out of the comparison, and nothing else', async (t) => {
  const [folder, copy] = [await temporaryFolder(t), join(await temporaryFolder(t), 'copy')];
  const tree = treeOf('few', [{ folder: 'f', fileCount: 3, fileBytes: 10 }]);
  tree.plant(folder);
  await execute('cp', ['-r', '--no-preserve=all', '-T', folder, copy]);
  const lacks = ['file modes', 'directory modes', 'file owners', 'directory owners', 'file times', 'directory times'] as const;
  assert.equal(tree.firstDifference(copy, folder, lacks), undefined);
  assert.match(tree.firstDifference(copy, folder, lacks.slice(1)) ?? '', /^"f\/1": type and mode/);
  assert.match(tree.firstDifference(copy, folder, lacks.slice(0, 4).concat('directory times')) ?? '', /^"f\/0": modified/);
  writeFileSync(join(copy, 'f/2'), 'other text');
  assert.equal(tree.firstDifference(copy, folder, lacks), '"f/2": has other content');
});
