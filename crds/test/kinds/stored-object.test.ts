import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedMeta, storedNodeAgent, storedTransferJob, storedTransferPolicy, storedTransferShard } from '../../src/index.ts';
import { agentStatus, nodeAgentWith } from './node-agent-cases.ts';
import { jobWith } from './transfer-job-cases.ts';
import { policyWith } from './transfer-policy-cases.ts';
import { shardWith } from './transfer-shard-cases.ts';

/** What the API server adds to every object. */
const stored = {
  uid: 'a7c1f0de-94a1-4f2b-8a52-0d0f6f0f3c11',
  resourceVersion: '812',
  generation: 3,
  creationTimestamp: '2026-01-31T09:30:00Z',
  managedFields: [{ manager: 'kubectl', operation: 'Update' }],
};

test('of metadata what is needed is read, and the rest is dropped', () => {
  const metadata = {
    ...stored,
    name: 'run42',
    namespace: 'climate',
    deletionTimestamp: '2026-01-31T09:31:00Z',
    deletionGracePeriodSeconds: 0,
    finalizers: ['smartcopy.io/shards'],
    labels: { team: 'ocean' },
    annotations: { note: 'by hand' },
  };
  const { managedFields: _, deletionGracePeriodSeconds: __, ...needed } = metadata;
  assert.deepEqual(storedMeta.parse(metadata), needed);
});

test('what the API server leaves out of metadata reads as empty', () => {
  const { name, namespace, finalizers, labels, annotations, deletionTimestamp } = storedMeta.parse({ ...stored, name: 'worker-1' });
  assert.deepEqual(
    { name, namespace, finalizers, labels, annotations, deletionTimestamp },
    { name: 'worker-1', namespace: '', finalizers: [], labels: {}, annotations: {}, deletionTimestamp: undefined },
  );
});

test('a job is read with its sizes in bytes', () => {
  const { metadata, ...job } = jobWith({ bandwidth: { limit: '1Ki' }, suspend: true });
  const { spec, status } = storedTransferJob.parse({ ...job, metadata: { ...metadata, ...stored } });
  assert.deepEqual([spec.bandwidth?.limit, spec.suspend, spec.update, status], [1024, true, 'IfDifferent', undefined]);
});

test('a policy, a shard and an agent are read', () => {
  const policy = policyWith();
  assert.equal(storedTransferPolicy.parse({ ...policy, metadata: { ...policy.metadata, ...stored } }).spec.roots[0]?.access, 'ReadOnly');
  const shard = shardWith();
  const { spec, status } = storedTransferShard.parse({
    ...shard,
    metadata: { ...shard.metadata, ...stored },
    status: { state: 'Assigned', newer: 1 },
  });
  assert.deepEqual([spec.jobRef.name, status], ['run42', { state: 'Assigned' }]);
  const agent = nodeAgentWith();
  assert.deepEqual(storedNodeAgent.parse({ ...agent, metadata: { ...agent.metadata, ...stored } }).status, agentStatus);
});

// A field that this build does not carry out must not be taken for one that is absent.
test('a spec of a newer version is not read', () => {
  const job = jobWith({ mode: 'Sync' });
  assert.ok(!storedTransferJob.safeParse({ ...job, metadata: { ...job.metadata, ...stored } }).success);
  const policy = policyWith({ limits: { maxActiveJobs: 1 } });
  assert.ok(!storedTransferPolicy.safeParse({ ...policy, metadata: { ...policy.metadata, ...stored } }).success);
});
