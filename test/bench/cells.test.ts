import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cells } from './cells.ts';
import { cpReflink } from './peers.ts';

test('every cell has a name of its own, and something that it is measured by', () => {
  assert.equal(new Set(cells.map(({ name }) => name)).size, cells.length);
  for (const { name, against, limits } of cells) {
    const gates = [...against.map(({ atLeast }) => atLeast), ...Object.values(limits)].filter((gate) => gate !== undefined);
    assert.ok(gates.length > 0, name);
  }
});

test('the start of our command is left out beside reflinks alone', () => {
  const all = cells.flatMap(({ against }) => against).filter(({ ourTime }) => ourTime === 'engine');
  assert.deepEqual([...new Set(all.map(({ peer }) => peer))], [cpReflink]);
});

test('scaled trees are smaller and not empty', () => {
  for (const { name, tree } of cells) {
    const [full, small] = [tree(1), tree(0.001)];
    assert.ok(small.fileCount >= 1 && small.fileCount + small.bytes <= full.fileCount + full.bytes, name);
  }
});
