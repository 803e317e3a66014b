import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentDirectory, type NodeWork } from '../../src/agents/agent-directory.ts';
import { systemClock } from '../../src/clock.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { type WorkStores, workFor } from '../../src/transfer-job/assignments.ts';
import { wakeOnChanges } from '../../src/transfer-job/wake.ts';
import { storedPolicy } from '../policy/policy-cases.ts';
import { labelled, openPolicy, reportOf, shardName, storedJob, storedShard, storesOf, unreadableShard } from './job-cases.ts';

const namespace = 'smartcopy-system';
const ended: NonNullable<ReturnType<typeof storedJob>['status']> = {
  phase: 'Complete',
  conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-01-31T10:00:00Z', reason: 'Succeeded', message: '' }],
};
const otherNamespace = storedJob({ metadata: { name: 'elsewhere', namespace: 'ocean', uid: '11111111-0000-4000-8000-000000000001' } });
const endedJob = storedJob({ metadata: { name: 'ended', uid: '22222222-0000-4000-8000-000000000001' }, status: ended });

interface Setting {
  readonly stores: WorkStores;
  readonly directory: AgentDirectory;
  readonly queue: WorkQueue;
}

/** The jobs that wait after something has happened among three: run42 with a shard on worker-1, one in another namespace, one that has ended. */
async function wokenBy(happen: (setting: Setting) => unknown): Promise<readonly string[]> {
  const stores = storesOf({ jobs: [storedJob(), otherNamespace, endedJob], shards: [storedShard()] });
  const directory = directoryOf(() => ({ assignments: [], allowances: [] }));
  const queue = new WorkQueue({ name: 'jobs' });
  wakeOnChanges({ stores, directory, queue, namespace });
  await happen({ stores, directory, queue });
  return await emptied(queue);
}

async function emptied(queue: WorkQueue): Promise<readonly string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) {
    const key = await queue.take(AbortSignal.timeout(1_000));
    queue.done(key);
    keys.push(key.name);
  }
  return keys.sort();
}

const metadata = (name: string, labels: Record<string, string>) => {
  const object = labelled(name, labels);
  return { metadata: { ...object.metadata, resourceVersion: '2' } };
};
const changedPolicy = (generation: number) => ({ ...openPolicy, metadata: { ...openPolicy.metadata, generation, resourceVersion: '2' } });
const agent = { node: 'worker-1', podName: 'agent', podUid: 'agent-1' };
const request = {
  ...{ bootId: 'boot', instanceId: 'instance', version: '0.1.0', waitMs: 0, roots: [], reports: [] },
  capabilities: { kernelRelease: '6.12.0', architecture: 'x64', cpuCount: 1, memoryBytes: 1, ioUring: 'Full' as const },
};

const unreadablePolicy = { key: { namespace: '', name: 'open' }, uid: 'uid-open', resourceVersion: '2', problems: ['spec: is new'] };

const happenings: readonly (readonly [string, (setting: Setting) => unknown, readonly string[]])[] = [
  ['a change of a job wakes it', ({ stores }) => stores.jobs.put(storedJob({ metadata: { resourceVersion: '8' } })), ['run42']],
  ['a job that goes is looked at', ({ stores }) => stores.jobs.remove({ namespace: 'climate', name: 'run42' }), ['run42']],
  ['a shard that goes wakes its job', ({ stores }) => stores.shards.remove({ namespace, name: shardName }), ['run42']],
  [
    'a shard without a job wakes the name of its job',
    ({ stores }) =>
      stores.shards.put(storedShard({ metadata: { name: '33333333-r1-0' }, spec: { jobRef: { namespace: 'climate', name: 'gone' } } })),
    ['gone'],
  ],
  [
    'a new policy wakes the jobs of the namespaces that it selects',
    ({ stores }) =>
      stores.policies.put(
        storedPolicy('new', { namespaceSelector: { matchLabels: { team: 'climate' } }, roots: [{ alias: 'x', hostPath: '/mnt/x' }] }),
      ),
    ['run42'],
  ],
  [
    'a policy of other namespaces wakes nobody',
    ({ stores }) =>
      stores.policies.put(
        storedPolicy('new', { namespaceSelector: { matchLabels: { team: 'space' } }, roots: [{ alias: 'x', hostPath: '/mnt/x' }] }),
      ),
    [],
  ],
  ['a changed policy wakes them', ({ stores }) => stores.policies.put(changedPolicy(2)), ['run42']],
  ['a policy that goes wakes them', ({ stores }) => stores.policies.remove({ namespace: '', name: 'open' }), ['run42']],
  ['the status of a policy wakes nobody', ({ stores }) => stores.policies.put(changedPolicy(1)), []],
  ['labels of a namespace wake its jobs', ({ stores }) => stores.namespaces.put(metadata('climate', { team: 'ocean' })), ['run42']],
  ['a namespace that was touched wakes nobody', ({ stores }) => stores.namespaces.put(metadata('climate', { team: 'climate' })), []],
  ['labels of a node wake its jobs', ({ stores }) => stores.nodes.put(metadata('worker-1', { disk: 'nvme' })), ['elsewhere', 'run42']],
  ['a node that goes wakes its jobs', ({ stores }) => stores.nodes.remove({ namespace: '', name: 'worker-1' }), ['elsewhere', 'run42']],
  ["a kubelet's heartbeat wakes nobody", ({ stores }) => stores.nodes.put(metadata('worker-1', {})), []],
  ['a policy that cannot be read any more wakes them', ({ stores }) => void stores.policies.putUnparsable(unreadablePolicy), ['run42']],
  ['a shard that cannot be read any more wakes its job', ({ stores }) => void stores.shards.putUnparsable(unreadableShard), ['run42']],
  [
    'an agent that comes wakes the jobs of its node',
    ({ directory }) => directory.sync(agent, request, AbortSignal.timeout(1_000)),
    ['elsewhere', 'run42'],
  ],
  [
    'an agent of another node wakes nobody',
    ({ directory }) => directory.sync({ ...agent, node: 'worker-2' }, request, AbortSignal.timeout(1_000)),
    [],
  ],
  [
    'a report wakes the job of its shard, wherever it comes from',
    ({ directory }) => directory.sync({ ...agent, node: 'worker-2' }, { ...request, reports: [reportOf()] }, AbortSignal.timeout(1_000)),
    ['run42'],
  ],
];

for (const [name, happen, expected] of happenings) {
  test(name, async () => {
    assert.deepEqual(await wokenBy(happen), expected);
  });
}

test('a policy that can be read again wakes them, whatever was changed', async () => {
  const woken = await wokenBy(async ({ stores, queue }) => {
    stores.policies.putUnparsable(unreadablePolicy);
    await emptied(queue);
    stores.policies.put(changedPolicy(1));
  });
  assert.deepEqual(woken, ['run42']);
});

test('a shard that was never readable wakes its job when it comes and when it goes', async () => {
  assert.deepEqual(
    await wokenBy(async ({ stores, queue }) => {
      // What was readable before is forgotten.
      stores.shards.remove(unreadableShard.key);
      await emptied(queue);
      stores.shards.putUnparsable(unreadableShard);
      assert.deepEqual(await emptied(queue), ['run42']);
      stores.shards.remove(unreadableShard.key);
    }),
    ['run42'],
  );
});

test('a change of what an agent should be doing answers its held request', async () => {
  const stores = storesOf({ jobs: [storedJob()], shards: [storedShard()] });
  const directory = directoryOf((node) => workFor(node, stores));
  wakeOnChanges({ stores, directory, queue: new WorkQueue({ name: 'jobs' }), namespace });
  const { revision, assignments } = await directory.sync(agent, request, AbortSignal.timeout(1_000));
  assert.equal(assignments.length, 1);

  const held = directory.sync(agent, { ...request, appliedRevision: revision, waitMs: 60_000 }, AbortSignal.timeout(5_000));
  stores.jobs.put(storedJob({ metadata: { resourceVersion: '8' }, spec: { suspend: true } }));
  assert.deepEqual((await held).assignments, []);
});

function directoryOf(work: (node: string) => NodeWork): AgentDirectory {
  return new AgentDirectory({
    clock: systemClock,
    startedAtMs: systemClock.monotonicMs(),
    leaseMarginMs: 1_000,
    workFor: work,
    isReady: () => true,
  });
}
