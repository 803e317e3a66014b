import { type AcceptedObject, type RefusedObject, rule, structure, type Transition, unknown } from './cases.ts';
import { finishedStatus } from './transfer-job-status-cases.ts';

const plain = {
  jobRef: { namespace: 'climate', name: 'run42' },
  jobUID: '6f0c3a1e-94a1-4f2b-8a52-0d0f6f0f3c11',
  run: 1,
  index: 0,
  node: 'worker-1',
  epoch: 1,
  leaseSeconds: 3_600,
};

/** A shard with the given members of spec over those of a job's only one. */
export function shardWith(spec: object = {}): {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: object;
} {
  return {
    apiVersion: 'smartcopy.io/v1alpha1',
    kind: 'TransferShard',
    metadata: { name: '6f0c3a1e-r1-0', namespace: 'smartcopy-system' },
    spec: { ...plain, ...spec },
  };
}

/** A status with every field, each text as long as it may be. */
const failedShard = {
  state: 'Failed',
  outcome: {
    reason: 'EntriesFailed',
    message: 'm'.repeat(1024),
    verified: { status: 'False', reason: 'VerifyMismatch', message: 'm'.repeat(1024) },
  },
  startTime: finishedStatus.startTime,
  completionTime: finishedStatus.completionTime,
  progress: finishedStatus.progress,
  engineUsed: finishedStatus.engineUsed,
  errors: finishedStatus.errors,
};

const withStatus = (status: object): object => ({ ...shardWith(), status });

export const acceptedShards: readonly AcceptedObject[] = [
  { name: 'a shard', document: shardWith() },
  {
    name: 'a shard of a later run on another node',
    document: shardWith({ run: 2_147_483_647, index: 2_147_483_647, node: `${'a.'.repeat(126)}b`, epoch: 7, leaseSeconds: 86_400 }),
  },
  { name: 'a shard of a job with the longest name', document: shardWith({ jobRef: { namespace: 'a'.repeat(63), name: 'a'.repeat(253) } }) },
  { name: 'a shard that is assigned', document: withStatus({ state: 'Assigned' }) },
  { name: 'a shard that has ended', document: withStatus(failedShard) },
];

const labelMessage = "must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2";
const subdomainMessage =
  "must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part; for example worker-1.example";

export const refusedShards: readonly RefusedObject[] = [
  rule('a namespace with a dot', shardWith({ jobRef: { ...plain.jobRef, namespace: 'a.b' } }), 'spec.jobRef.namespace', labelMessage),
  rule('a name in capitals', shardWith({ jobRef: { ...plain.jobRef, name: 'Run42' } }), 'spec.jobRef.name', subdomainMessage),
  rule('a node with a slash', shardWith({ node: 'a/b' }), 'spec.node', subdomainMessage),
  structure('no spec', { ...shardWith(), spec: undefined }, 'spec', 'is required'),
  ...(['jobRef', 'jobUID', 'run', 'index', 'node', 'epoch', 'leaseSeconds'] as const).map((member) =>
    structure(`no ${member}`, shardWith({ [member]: undefined }), `spec.${member}`, 'is required'),
  ),
  structure('a UID of seven characters', shardWith({ jobUID: '6f0c3a1' }), 'spec.jobUID', 'must be at least 8 characters long'),
  structure('run 0', shardWith({ run: 0 }), 'spec.run', 'must be at least 1'),
  structure('a negative index', shardWith({ index: -1 }), 'spec.index', 'must be at least 0'),
  structure('epoch 0', shardWith({ epoch: 0 }), 'spec.epoch', 'must be at least 1'),
  structure('a lease of nothing', shardWith({ leaseSeconds: 0 }), 'spec.leaseSeconds', 'must be at least 1'),
  structure('a lease of more than a day', shardWith({ leaseSeconds: 86_401 }), 'spec.leaseSeconds', 'must be at most 86400'),
  structure('another state', withStatus({ state: 'Lost' }), 'status.state', 'must be Assigned, Succeeded, or Failed'),
  structure(
    'an outcome without a reason',
    withStatus({ ...failedShard, outcome: { message: '' } }),
    'status.outcome.reason',
    'is required',
  ),
  structure(
    'a sentence of 1025 characters',
    withStatus({ ...failedShard, outcome: { reason: 'A', message: 'm'.repeat(1025) } }),
    'status.outcome.message',
    'must be at most 1024 characters long',
  ),
  unknown('a field of later', shardWith({ range: {} }), 'spec.range'),
];

export const shardTransitions: readonly Transition[] = [
  shardTransition('node and epoch in one write', { node: 'worker-2', epoch: 2 }),
  shardTransition('the epoch alone', { epoch: 3 }),
  shardTransition('the job', { jobRef: { namespace: 'climate', name: 'run43' } }, 'spec.jobRef'),
  shardTransition('the UID of the job', { jobUID: 'a7c1f0de-94a1-4f2b-8a52-0d0f6f0f3c11' }, 'spec.jobUID'),
  shardTransition('the run', { run: 2 }, 'spec.run'),
  shardTransition('the index', { index: 1 }, 'spec.index'),
  shardTransition('a longer lease', { leaseSeconds: 3_601 }, 'spec.leaseSeconds'),
  shardTransition('a shorter lease', { leaseSeconds: 3_599 }, 'spec.leaseSeconds'),
  shardTransition('the node without the epoch', { node: 'worker-2' }, 'spec.epoch'),
  {
    name: 'the epoch, backwards',
    before: shardWith({ epoch: 2 }),
    after: shardWith({ node: 'worker-2', epoch: 1 }),
    refused: ['spec.epoch'],
  },
];

function shardTransition(name: string, change: object, ...refused: readonly string[]): Transition {
  return { name, before: shardWith(), after: shardWith(change), refused };
}
