import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxSyncBytes, type StoredTransferJob, type StoredTransferShard, syncResponse } from '@smartcopy/crds';
import { roomOn, workFor } from '../../src/transfer-job/assignments.ts';
import { storedPolicy } from '../policy/policy-cases.ts';
import {
  destination,
  failed,
  jobUid,
  labelled,
  shardName,
  source,
  storedJob,
  storedShard,
  storesOf,
  succeeded,
  unreadableShard,
} from './job-cases.ts';

const shard = storedShard();

test('an agent is told all that it needs to carry a shard out', () => {
  const job = storedJob({
    spec: {
      verify: { algorithm: 'BLAKE3' },
      bandwidth: { limit: '100M' },
      parallelism: { threadsPerNode: 8 },
      engine: { bufferSize: '1Mi', io: 'IoUring', directIo: 'Always', numa: 'Off' },
      update: 'Always',
      durability: 'File',
      selection: { exclude: ['*.tmp'], minSize: '1Ki' },
      ordering: 'Path',
      symlinks: 'Skip',
      onConflict: 'Fail',
      atomic: 'Always',
      preserve: { strict: true, acls: false, sparse: 'Never' },
    },
  });
  const work = workFor('worker-1', storesOf({ jobs: [job], shards: [shard] }));
  assert.deepEqual(work, {
    assignments: [
      {
        id: shardName,
        epoch: 1,
        leaseMs: 3_600_000,
        spec: {
          job: { namespace: 'climate', name: 'run42', uid: jobUid },
          index: 0,
          source: { alias: 'scratch', hostPath: '/mnt/scratch', subPath: 'climate', path: 'run42', crossMounts: false },
          destination: {
            alias: 'archive',
            hostPath: '/mnt/archive',
            subPath: '',
            path: 'run42',
            crossMounts: false,
            keepSetuid: false,
            keepDevices: false,
            keepSecurityXattrs: false,
          },
          update: 'Always',
          selection: { exclude: ['*.tmp'], minSize: 1024 },
          ordering: 'Path',
          symlinks: 'Skip',
          onConflict: 'Fail',
          atomic: 'Always',
          durability: 'File',
          verify: { algorithm: 'BLAKE3', level: 'Readback' },
          preserve: {
            owner: true,
            mode: true,
            times: true,
            xattrs: true,
            acls: false,
            hardlinks: true,
            specialFiles: true,
            sparse: 'Never',
            strict: true,
          },
          threadCount: 8,
          bufferBytes: 1024 ** 2,
          io: 'IoUring',
          directIo: 'Always',
          numa: 'Off',
        },
      },
    ],
    allowances: [{ assignment: shardName, bytesPerSecond: 100_000_000, validForMs: 15_000 }],
  });
  const response = { revision: 'r', nextSyncMs: 0, ...work };
  assert.deepEqual(syncResponse.parse(response), response);
});

test('a job that says no more than it must leaves the rest to the engine', () => {
  const { assignments, allowances } = workFor('worker-1', storesOf({ jobs: [storedJob()], shards: [shard] }));
  const members = ['atomic', 'destination', 'durability', 'index', 'job', 'onConflict', 'ordering', 'source', 'symlinks', 'update'];
  assert.deepEqual(Object.keys(assignments[0]?.spec ?? {}).sort(), members);
  assert.equal(allowances[0]?.bytesPerSecond, null);
});

test('what may be planted is what the policy says of the destination, whatever it says of the source', () => {
  const root = (alias: string, keeps: object) => ({ alias, hostPath: `/mnt/${alias}`, access: 'ReadWrite' as const, ...keeps });
  const keepingAt = (alias: string) => {
    const roots = ['scratch', 'archive'].map((one) =>
      root(one, one === alias ? { keepSetuid: true, keepDevices: true, keepSecurityXattrs: true } : {}),
    );
    const policies = [storedPolicy('open', { namespaceSelector: {}, roots })];
    const { source: from, destination: to } =
      workFor('worker-1', storesOf({ jobs: [storedJob()], shards: [shard], policies })).assignments[0]?.spec ?? {};
    return [from?.keepSetuid, from?.keepDevices, to?.keepSetuid, to?.keepDevices, to?.keepSecurityXattrs];
  };
  assert.deepEqual(keepingAt('scratch'), [undefined, undefined, false, false, false]);
  assert.deepEqual(keepingAt('archive'), [undefined, undefined, true, true, true]);
});

const other = {
  source: { nodePath: { ...source, nodeName: 'worker-2' } },
  destination: { nodePath: { ...destination, nodeName: 'worker-2' } },
};
const ended: NonNullable<StoredTransferJob['status']> = {
  phase: 'Complete',
  conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-01-31T10:00:00Z', reason: 'Succeeded', message: '' }],
};

const unwanted: readonly (readonly [string, Parameters<typeof storesOf>[0]])[] = [
  ['whose job is gone', { jobs: [] }],
  ['whose job was replaced by another of its name', { jobs: [storedJob({ metadata: { uid: '6f0c3a1e-0000-4000-8000-000000000002' } })] }],
  ['whose job is deleted', { jobs: [storedJob({ metadata: { deletionTimestamp: '2026-01-31T10:00:00Z' } })] }],
  ['whose job is suspended', { jobs: [storedJob({ spec: { suspend: true } })] }],
  ['whose job has ended', { jobs: [storedJob({ status: ended })] }],
  ['that has succeeded', { shards: [storedShard({ status: succeeded })] }],
  ['that has failed', { shards: [storedShard({ status: failed })] }],
  ['that is deleted', { shards: [storedShard({ metadata: { deletionTimestamp: '2026-01-31T10:00:00Z' } })] }],
  ['that this version does not make', { shards: [storedShard({ metadata: { name: '6f0c3a1e-r1-1' }, spec: { index: 1 } })] }],
  ['that no policy allows', { policies: [] }],
  [
    'whose destination may not be written',
    {
      policies: [
        storedPolicy('read', {
          namespaceSelector: {},
          roots: [
            { alias: 'scratch', hostPath: '/mnt/scratch' },
            { alias: 'archive', hostPath: '/mnt/archive' },
          ],
        }),
      ],
    },
  ],
  ['whose node is gone', { nodes: [labelled('worker-2')] }],
  ['whose job names another node', { jobs: [storedJob({ spec: other })] }],
  ['whose job names two nodes', { jobs: [storedJob({ spec: { destination: other.destination } })] }],
  ['of another node', { shards: [storedShard({ spec: { node: 'worker-2' } })], jobs: [storedJob({ spec: other })] }],
];

for (const [name, world] of unwanted) {
  test(`an agent is not told of a shard ${name}`, () => {
    assert.deepEqual(workFor('worker-1', storesOf({ jobs: [storedJob()], shards: [shard], ...world })), {
      assignments: [],
      allowances: [],
    });
  });
}

test('an agent is not told of a shard whose policy can no longer be read', () => {
  const stores = storesOf({ jobs: [storedJob()], shards: [shard] });
  stores.policies.putUnparsable({
    key: { namespace: '', name: 'open' },
    uid: 'uid-open',
    resourceVersion: '2',
    problems: ['spec: is new'],
  });
  assert.deepEqual(workFor('worker-1', stores), { assignments: [], allowances: [] });
});

test('an agent goes on with a shard that could be read once', () => {
  const stores = storesOf({ jobs: [storedJob()], shards: [shard] });
  const before = workFor('worker-1', stores);
  stores.shards.putUnparsable(unreadableShard);
  assert.equal(before.assignments.length, 1);
  assert.deepEqual(workFor('worker-1', stores), before);
});

function manyJobs(count: number, path = 'run42'): { jobs: readonly StoredTransferJob[]; shards: readonly StoredTransferShard[] } {
  const numbers = Array.from({ length: count }, (_, index) => ({
    name: `job-${index}`,
    uid: `${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000001`,
    // The first are the youngest.
    creationTimestamp: new Date(Date.parse('2026-01-31T10:00:00Z') - index * 1_000).toISOString(),
  }));
  return {
    jobs: numbers.map((metadata) =>
      storedJob({
        metadata,
        spec: { source: { nodePath: { ...source, path } }, destination: { nodePath: { ...destination, path } } },
      }),
    ),
    shards: numbers.map(({ name, uid, creationTimestamp }) =>
      storedShard({
        metadata: { name: `${uid.slice(0, 8)}-r1-0`, creationTimestamp },
        spec: { jobUID: uid, jobRef: { namespace: 'climate', name } },
      }),
    ),
  };
}

test('an agent is told of as much as one answer holds, the oldest first', () => {
  const { assignments, allowances } = workFor('worker-1', storesOf(manyJobs(300)));
  assert.equal(assignments.length, 256);
  assert.equal(allowances.length, 256);
  assert.equal(assignments[0]?.id, '0000002c-r1-0');
  assert.equal(assignments.at(-1)?.id, '0000012b-r1-0');
});

test('the longest paths of many jobs fit into what an agent reads, the oldest first', () => {
  // Six bytes each in JSON, and as many as the schema lets through.
  const work = workFor('worker-1', storesOf(manyJobs(200, '\u0001'.repeat(4_095))));
  const ids = work.assignments.map(({ id }) => id);
  assert.ok(Buffer.byteLength(JSON.stringify({ revision: 'r', nextSyncMs: 0, ...work })) < maxSyncBytes);
  assert.ok(ids.length >= 20 && ids.length < 200, `${ids.length} assignments`);
  assert.equal(ids.at(-1), '000000c7-r1-0');
  assert.equal(ids[0], `${(200 - ids.length).toString(16).padStart(8, '0')}-r1-0`);
});

const crowds: readonly (readonly [count: number, path: string, isFull: boolean])[] = [
  [256, 'run42', false],
  [257, 'run42', true],
  [20, '\u0001'.repeat(4_095), false],
  [200, '\u0001'.repeat(4_095), true],
];

for (const [count, path, isFull] of crowds) {
  test(`${count} shards with paths of ${path.length} characters ${isFull ? 'fill' : 'do not fill'} a node`, () => {
    const stores = storesOf(manyJobs(count, path));
    const room = roomOn('worker-1', stores);
    assert.equal(room.isFull, isFull);
    assert.deepEqual(
      [...room.shardNames].sort(),
      workFor('worker-1', stores).assignments.map(({ id }) => id),
    );
  });
}
