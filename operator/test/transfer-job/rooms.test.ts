import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rooms } from '../../src/transfer-job/rooms.ts';
import { storedJob, storedShard, storesOf } from './job-cases.ts';

const numbers = Array.from({ length: 257 }, (_, index) => index);
const uidOf = (index: number): string => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000001`;
const jobs = numbers.map((index) => storedJob({ metadata: { name: `job-${index}`, uid: uidOf(index) } }));
const shards = numbers.map((index) =>
  storedShard({
    metadata: {
      name: `${uidOf(index).slice(0, 8)}-r1-0`,
      // The last are the youngest.
      creationTimestamp: new Date(Date.parse('2026-01-31T09:00:00Z') + index * 1_000).toISOString(),
    },
    spec: { jobUID: uidOf(index), jobRef: { namespace: 'climate', name: `job-${index}` } },
  }),
);
const [oldest, youngest] = [shards[0] ?? storedShard(), shards[256] ?? storedShard()];

test('the youngest shard of a full node waits', () => {
  const rooms = new Rooms(storesOf({ jobs, shards }), { monotonicMs: () => 0 });
  assert.equal(rooms.givenInsteadOf(oldest), undefined);
  assert.equal(rooms.givenInsteadOf(youngest), 256);
});

test('nobody waits on a node that has room', () => {
  const rooms = new Rooms(storesOf({ jobs, shards: shards.slice(0, 256) }), { monotonicMs: () => 0 });
  // It was created after the node was counted.
  assert.equal(rooms.givenInsteadOf(youngest), undefined);
});

test('a shard that goes makes room, which is seen within a second', () => {
  let nowMs = 0;
  const stores = storesOf({ jobs, shards });
  const rooms = new Rooms(stores, { monotonicMs: () => nowMs });
  assert.equal(rooms.givenInsteadOf(youngest), 256);
  stores.shards.remove({ namespace: 'smartcopy-system', name: oldest.metadata.name });
  nowMs = 999;
  assert.equal(rooms.givenInsteadOf(youngest), 256, 'many ask at the same time, and all get one answer');
  nowMs = 1_000;
  assert.equal(rooms.givenInsteadOf(youngest), undefined);
});

test('each node is counted by itself', () => {
  const rooms = new Rooms(storesOf({ jobs, shards }), { monotonicMs: () => 0 });
  assert.equal(rooms.givenInsteadOf(youngest), 256);
  assert.equal(rooms.givenInsteadOf(storedShard({ spec: { node: 'worker-2' } })), undefined);
});
