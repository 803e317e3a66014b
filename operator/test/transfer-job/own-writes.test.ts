import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferShards } from '../../src/kinds.ts';
import { maxLagMs, OwnWrites } from '../../src/transfer-job/own-writes.ts';
import { storedShard } from './job-cases.ts';

const [first, second] = [storedShard({ metadata: { resourceVersion: '1' } }), storedShard({ metadata: { resourceVersion: '2' } })];
const key = { namespace: 'smartcopy-system', name: first.metadata.name };

test('a cache is behind until it shows what was written', () => {
  const writes = new OwnWrites();
  writes.wrote(transferShards, { before: first, after: second }, 0);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, 10), true);
  assert.equal(writes.isBehind(transferShards, { key, cached: second }, 10), false);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, 10), false, 'once it has caught up it is not asked again');
});

test('a cache is behind while it lacks what was created, and while it holds what was deleted', () => {
  const writes = new OwnWrites();
  writes.wrote(transferShards, { before: undefined, after: first }, 0);
  assert.equal(writes.isBehind(transferShards, { key, cached: undefined }, 10), true);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, 10), false);
  writes.wrote(transferShards, { before: first, after: undefined }, 20);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, 30), true);
  assert.equal(writes.isBehind(transferShards, { key, cached: undefined }, 30), false);
});

test('what changed nothing is not waited for', () => {
  const writes = new OwnWrites();
  writes.wrote(transferShards, { before: first, after: first }, 0);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, 10), false);
});

test('a watch that does not deliver is not waited for long', () => {
  const writes = new OwnWrites();
  writes.wrote(transferShards, { before: first, after: second }, 0);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, maxLagMs - 1), true);
  assert.equal(writes.isBehind(transferShards, { key, cached: first }, maxLagMs), false);
});

test('other objects and other kinds are not behind', () => {
  const writes = new OwnWrites();
  writes.wrote(transferShards, { before: first, after: second }, 0);
  assert.equal(writes.isBehind(transferShards, { key: { ...key, name: '00000000-r1-0' }, cached: first }, 10), false);
  assert.equal(writes.isBehind({ ...transferShards, plural: 'others' }, { key, cached: first }, 10), false);
});
