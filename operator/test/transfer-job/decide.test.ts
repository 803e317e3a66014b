import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingUsed } from '@smartcopy/crds/progress';
import { type Decision, decide, letGo, nextLookMs, refused, startTimeOf, toldMs } from '../../src/transfer-job/decide.ts';
import type { Observed } from '../../src/transfer-job/observe.ts';
import { shardsFinalizer } from '../../src/transfer-job/resources.ts';
import { storedPolicy } from '../policy/policy-cases.ts';
import {
  destination,
  halfDone,
  heardAgent,
  jobUid,
  labelled,
  nowMs,
  readyRoots,
  reportOf,
  running,
  seenShard,
  shardName,
  source,
  storedJob,
  storedShard,
  succeeded,
  unreadableShard,
  view,
} from './job-cases.ts';

const deleted = { deletionTimestamp: '2026-01-31T09:59:59Z', finalizers: ['example.com/other', shardsFinalizer] };
const complete = {
  observedGeneration: 3,
  phase: 'Complete' as const,
  conditions: [
    { type: 'Complete' as const, status: 'True' as const, lastTransitionTime: '2026-01-31T09:59:59Z', reason: 'Succeeded', message: '' },
  ],
};
const failedStatus = {
  observedGeneration: 3,
  phase: 'Failed' as const,
  conditions: [
    { type: 'Complete' as const, status: 'False' as const, lastTransitionTime: '2026-01-31T09:59:59Z', reason: 'NoSpace', message: '' },
    { type: 'Failed' as const, status: 'True' as const, lastTransitionTime: '2026-01-31T09:59:59Z', reason: 'NoSpace', message: '' },
  ],
};
const endedShard = seenShard({ object: storedShard({ status: succeeded }), isStopped: true });
const elsewhere = { destination: { nodePath: { ...destination, nodeName: 'worker-2' } } };
const onNode = (nodeName: string) => ({
  source: { nodePath: { ...source, nodeName } },
  destination: { nodePath: { ...destination, nodeName } },
});
const readOnlyPolicy = storedPolicy('closed', {
  namespaceSelector: {},
  roots: [
    { alias: 'scratch', hostPath: '/mnt/scratch' },
    { alias: 'archive', hostPath: '/mnt/archive' },
  ],
});
const lostAgent = { roots: readyRoots, lastSeenMs: nowMs - 120_000, isHeard: false };
const rootsWith = (change: object) => ({ ...heardAgent, roots: readyRoots.map((root) => ({ ...root, ...change })) });

/** What each case must lead to: the kind, and the reason where there is one. */
const cases: readonly (readonly [string, Observed, string])[] = [
  // Deletion goes before everything.
  ['a deleted job waits for its shard', view({ job: storedJob({ metadata: deleted }), shard: running }), 'awaitStop'],
  [
    'a deleted job lets a stopped shard go',
    view({ job: storedJob({ metadata: deleted }), shard: seenShard({ isStopped: true }) }),
    'deleteShard',
  ],
  ['a deleted job without a shard lets go of its finalizer', view({ job: storedJob({ metadata: deleted }) }), 'removeFinalizer'],
  [
    "a deleted job that is held by others' finalizers is left",
    view({ job: storedJob({ metadata: { ...deleted, finalizers: ['example.com/other'] } }) }),
    'leave',
  ],
  [
    'a deleted job is not completed',
    view({ job: storedJob({ metadata: deleted }), shard: seenShard({ report: reportOf({ state: 'Succeeded' }) }) }),
    'awaitStop',
  ],
  [
    'a deleted job that is suspended and denied waits too',
    view({ job: storedJob({ metadata: deleted, spec: { suspend: true } }), shard: running, policies: [] }),
    'awaitStop',
  ],
  // What has ended stays as it is.
  ['a complete job lets its shard go', view({ job: storedJob({ status: complete }), shard: endedShard }), 'deleteShard'],
  ['a failed job lets its shard go', view({ job: storedJob({ status: failedStatus }), shard: running }), 'deleteShard'],
  [
    'a complete job lets go of its finalizer',
    view({ job: storedJob({ status: complete, metadata: { finalizers: [shardsFinalizer] } }) }),
    'removeFinalizer',
  ],
  ['a complete job is left for ever', view({ job: storedJob({ status: complete }) }), 'leave'],
  [
    'a failed job is not started again when its spec or policy changes',
    view({ job: storedJob({ status: failedStatus, spec: { suspend: true } }), policies: [] }),
    'leave',
  ],
  [
    'a complete job whose spec was changed since says that it has seen it',
    view({ job: storedJob({ status: complete, metadata: { generation: 4 } }) }),
    'acknowledge',
  ],
  [
    'a complete job whose spec was changed since lets its shard go first',
    view({ job: storedJob({ status: complete, metadata: { generation: 4 } }), shard: endedShard }),
    'deleteShard',
  ],
  [
    'a complete job that is deleted has nothing more to say',
    view({ job: storedJob({ status: complete, metadata: { ...deleted, finalizers: [], generation: 4 } }) }),
    'leave',
  ],
  // Who cannot read a shard knows nothing of it.
  ['a job whose shard cannot be read is held', view({ unreadableShard }), 'hold ShardUnreadable'],
  ['a job whose shard could be read once is held', view({ unreadableShard, shard: running }), 'hold ShardUnreadable'],
  [
    'a suspended job whose shard cannot be read is held',
    view({ unreadableShard, job: storedJob({ spec: { suspend: true } }) }),
    'hold ShardUnreadable',
  ],
  [
    'a deleted job whose shard cannot be read is held',
    view({ unreadableShard, job: storedJob({ metadata: deleted }) }),
    'hold ShardUnreadable',
  ],
  [
    'a deleted job whose shard had stopped before it could not be read any more is held',
    view({ unreadableShard, job: storedJob({ metadata: deleted }), shard: seenShard({ isStopped: true }) }),
    'hold ShardUnreadable',
  ],
  [
    'a complete job lets a shard go that cannot be read',
    view({ unreadableShard, job: storedJob({ status: complete, metadata: { finalizers: [shardsFinalizer] } }) }),
    'deleteUnreadable',
  ],
  // What is done is done, whatever is wished meanwhile.
  ['a job whose shard has ended ends', view({ shard: endedShard }), 'finish'],
  [
    'a suspended job whose shard has ended ends',
    view({ job: storedJob({ spec: { suspend: true } }), shard: endedShard, policies: [] }),
    'finish',
  ],
  [
    'a reported success is written down',
    view({ shard: seenShard({ report: reportOf({ state: 'Succeeded', progress: halfDone }) }) }),
    'recordEnd',
  ],
  [
    'a reported failure is written down, also of a suspended job',
    view({ job: storedJob({ spec: { suspend: true } }), shard: seenShard({ report: reportOf({ state: 'Failed' }) }) }),
    'recordEnd',
  ],
  // What is wished.
  ['a suspended job rests', view({ job: storedJob({ spec: { suspend: true } }), shard: running }), 'rest'],
  ['a job that is born suspended rests', view({ job: storedJob({ spec: { suspend: true } }) }), 'rest'],
  ['a suspended job is not denied', view({ job: storedJob({ spec: { suspend: true } }), policies: [] }), 'rest'],
  // What may be.
  ['a job without a policy is denied', view({ policies: [] }), 'deny NoPolicy'],
  ['a running job whose policy goes is denied', view({ policies: [], shard: running }), 'deny NoPolicy'],
  ['a job that may not write is denied', view({ policies: [readOnlyPolicy] }), 'deny AccessDenied'],
  [
    'a job that names a closed root is denied',
    view({ job: storedJob({ spec: { source: { nodePath: { ...source, root: 'home' } } } }) }),
    'deny PathDenied',
  ],
  ['a denied job of two nodes is denied', view({ job: storedJob({ spec: elsewhere }), policies: [] }), 'deny NoPolicy'],
  ['a denied job of no node is denied', view({ job: storedJob({ spec: onNode('nowhere') }), policies: [] }), 'deny NoPolicy'],
  // What can be.
  ['a job of two nodes is held', view({ job: storedJob({ spec: elsewhere }) }), 'hold NodesDiffer'],
  ['a job of two nodes, one unknown, is held for two', view({ job: storedJob({ spec: elsewhere }), nodes: [] }), 'hold NodesDiffer'],
  ['a job of an unknown node is held', view({ nodes: [labelled('worker-2')] }), 'hold NodeUnavailable'],
  [
    'what a policy says of the labels of an unknown node is not believed',
    view({ nodes: [], policies: [storedPolicy('none', { namespaceSelector: {}, roots: [{ alias: 'other', hostPath: '/mnt/other' }] })] }),
    'hold NodeUnavailable',
  ],
  ['a job whose node was deleted is held', view({ nodes: [], shard: running }), 'hold NodeUnavailable'],
  ['an unknown node has no agent either', view({ nodes: [], agent: undefined }), 'hold NodeUnavailable'],
  ['a job is held without an agent', view({ agent: undefined }), 'hold AgentUnavailable'],
  ['a job is held when the agent is lost', view({ agent: lostAgent }), 'hold AgentUnavailable'],
  ['what a lost agent said of its roots is of the past', view({ agent: { ...lostAgent, roots: [] } }), 'hold AgentUnavailable'],
  [
    'a running job is held when the agent is lost',
    view({ agent: lostAgent, shard: seenShard({ heardMs: lostAgent.lastSeenMs }) }),
    'hold AgentUnavailable',
  ],
  [
    'a running job is not held by an operator that has just started',
    view({ agent: undefined, shard: seenShard({ heardMs: undefined }), operatorStartedMs: nowMs - 5_000 }),
    'follow',
  ],
  [
    'a running job is held by an operator that has waited for the agent',
    view({ agent: undefined, shard: seenShard({ heardMs: undefined }), operatorStartedMs: nowMs - 90_000 }),
    'hold AgentUnavailable',
  ],
  [
    'a new job is held by an operator that has just started',
    view({ agent: undefined, operatorStartedMs: nowMs - 5_000 }),
    'hold AgentUnavailable',
  ],
  ['a job is held when the agent has no such root', view({ agent: { ...heardAgent, roots: [] } }), 'hold RootNotMounted'],
  [
    'a job is held when the agent means another directory',
    view({ agent: rootsWith({ hostPath: '/mnt/elsewhere' }) }),
    'hold RootNotMounted',
  ],
  ['a job is held when the root is missing', view({ agent: rootsWith({ state: 'Missing' }) }), 'hold RootNotMounted'],
  ['a job is held when its destination is mounted read-only', view({ agent: rootsWith({ readOnly: true }) }), 'hold RootReadOnly'],
  [
    'a source that is mounted read-only is good enough',
    view({ agent: { ...heardAgent, roots: readyRoots.map((root) => ({ ...root, readOnly: root.alias === 'scratch' })) } }),
    'createShard',
  ],
  [
    'a job is held while its agent waits for something',
    view({ shard: seenShard({ report: reportOf({ state: 'Waiting', waiting: { reason: 'SlotsBusy', message: 'others work' } }) }) }),
    'hold SlotsBusy',
  ],
  ['a job is held while others fill its node', view({ shard: seenShard({ isStopped: true, givenInstead: 41 }) }), 'hold NoFreeSlot'],
  [
    'a job is held without an agent, also where others would fill the node',
    view({ agent: undefined, shard: seenShard({ isStopped: true, givenInstead: 41 }) }),
    'hold AgentUnavailable',
  ],
  [
    'a job leaves the full node that it no longer names',
    view({ job: storedJob({ spec: onNode('worker-2') }), shard: seenShard({ isStopped: true, givenInstead: 41 }) }),
    'moveShard',
  ],
  // What is left.
  ['a job gets its shard', view(), 'createShard'],
  [
    'a job that names another node takes its shard along',
    view({ job: storedJob({ spec: onNode('worker-2') }), shard: running }),
    'moveShard',
  ],
  ['a running job is followed', view({ shard: running }), 'follow'],
  [
    'a job whose agent has stopped for a moment is followed',
    view({ shard: seenShard({ report: reportOf({ state: 'Stopped' }) }) }),
    'follow',
  ],
];

for (const [name, seen, expected] of cases) {
  test(name, () => {
    assert.equal(described(decide(seen)), expected);
  });
}

function described(decision: Decision): string {
  if (decision.kind === 'deny') return `deny ${decision.denial.reason}`;
  return decision.kind === 'hold' ? `hold ${decision.obstacle.reason}` : decision.kind;
}

test('a deleted job that cannot be read waits for a shard that cannot either', () => {
  const { metadata } = storedJob({ metadata: deleted });
  assert.equal(described(letGo({ job: { metadata }, shard: undefined, unreadableShard })), 'hold ShardUnreadable');
  assert.equal(described(letGo({ job: { metadata }, shard: undefined, unreadableShard: undefined })), 'removeFinalizer');
});

test('what the API server refuses is held, with its sentence', () => {
  assert.deepEqual(refused(decide(view()), 'create transfershards: 403 Forbidden: exceeded quota'), {
    kind: 'hold',
    obstacle: {
      reason: 'ShardNotCreated',
      message: "the job's shard could not be created, which is tried again: create transfershards: 403 Forbidden: exceeded quota",
    },
  });
  assert.equal(described(refused({ kind: 'removeFinalizer' }, 'no')), 'hold ShardNotWritten');
});

test('the shard of a job has a name that a second attempt finds again', () => {
  assert.deepEqual(decide(view()), {
    kind: 'createShard',
    name: shardName,
    spec: {
      jobRef: { namespace: 'climate', name: 'run42' },
      jobUID: jobUid,
      run: 1,
      index: 0,
      node: 'worker-1',
      epoch: 1,
      leaseSeconds: 3_600,
    },
  });
});

test('a reported end is kept with its numbers and with the times of the agent', () => {
  const progress = { ...halfDone, lastUpdateTime: '2026-01-31T09:50:00.123Z' };
  const outcome = { reason: 'NoSpace', message: 'ended early by write: ENOSPC' };
  const report = reportOf({
    state: 'Failed',
    startedForMs: 900_000,
    progress,
    outcome,
    engineUsed: { ...nothingUsed, readWrite: 1 },
    errors: [],
  });
  const decision = decide(view({ shard: seenShard({ report }) }));
  assert.ok(decision.kind === 'recordEnd');
  assert.deepEqual(decision.end, {
    state: 'Failed',
    outcome,
    startTime: '2026-01-31T09:44:59Z',
    completionTime: '2026-01-31T09:50:00Z',
    progress,
    engineUsed: { ...nothingUsed, readWrite: 1 },
    errors: [],
  });
});

test('the clock of a node cannot put an end into the future', () => {
  const progress = { ...halfDone, lastUpdateTime: '2031-01-01T00:00:00Z' };
  const decision = decide(view({ shard: seenShard({ report: reportOf({ state: 'Succeeded', progress }) }) }));
  assert.equal(decision.kind === 'recordEnd' && decision.end.completionTime, '2026-01-31T10:00:00Z');
});

const impossible: readonly (readonly [string, string])[] = [
  ['before there were calendars', '0000-01-01T00:00:00+23:59'],
  ['after the last year of four digits', '9999-12-31T23:59:59-23:59'],
];

for (const [name, lastUpdateTime] of impossible) {
  test(`a time ${name} is told as one that can be written`, () => {
    const told = new Date(toldMs(lastUpdateTime, nowMs)).toISOString();
    assert.match(told, /^(1970-01-01|2026-01-31)T/);
  });
}

test('an agent that has begun before there were calendars has begun in 1970', () => {
  assert.equal(startTimeOf(Number.MAX_SAFE_INTEGER, nowMs), '1970-01-01T00:00:00Z');
  assert.equal(startTimeOf(8e15, nowMs), '1970-01-01T00:00:00Z');
  assert.equal(startTimeOf(1_000, nowMs), '2026-01-31T09:59:59Z');
});

test('an end without an outcome has a reason all the same', () => {
  const decision = decide(view({ shard: seenShard({ report: reportOf({ state: 'Failed' }) }) }));
  assert.equal(decision.kind === 'recordEnd' && decision.end.outcome?.reason, 'InternalError');
});

const sentences: readonly (readonly [string, Observed, RegExp])[] = [
  ['an unknown node', view({ nodes: [] }), /no node 'worker-1'; correct nodeName/],
  [
    'a node that went after the start',
    view({ nodes: [], job: storedJob({ status: { phase: 'Running', startTime: '2026-01-31T09:00:00Z' } }) }),
    /wait until it has joined, or delete the job and create another$/,
  ],
  ['no agent', view({ agent: undefined }), /agent on the node 'worker-1' has not been heard of; check its pod/],
  [
    'a lost agent and how long its work may go on',
    view({ agent: lostAgent, shard: seenShard({ heardMs: lostAgent.lastSeenMs, stoppedMs: nowMs + 60_000 }) }),
    /heard last at 2026-01-31T09:58:00Z; what it has begun goes on, at the longest until 2026-01-31T10:01:00Z/,
  ],
  [
    'a shard that cannot be read, and what a person can do',
    view({ unreadableShard }),
    /shard smartcopy-system\/6f0c3a1e-r1-0; run the version .* or delete it once nothing works on it: status.state: must be/,
  ],
  [
    'a full node and how much it holds',
    view({ shard: seenShard({ givenInstead: 41 }) }),
    /the node 'worker-1' holds 41 shards of at most 256, .*; it starts when one has ended/,
  ],
  [
    'a root that is missing',
    view({ agent: { ...heardAgent, roots: [] } }),
    /node 'worker-1' has no root 'scratch' mounted from \/mnt\/scratch/,
  ],
  [
    'a root that is read-only',
    view({ agent: rootsWith({ readOnly: true }) }),
    /'archive' \(\/mnt\/archive\) is mounted read-only on the node 'worker-1'/,
  ],
];

for (const [name, seen, message] of sentences) {
  test(`a sentence for people names ${name}`, () => {
    const decision = decide(seen);
    assert.ok(decision.kind === 'hold');
    assert.match(decision.obstacle.message, message);
  });
}

const looks: readonly (readonly [string, Observed, number | undefined])[] = [
  ['when its numbers become old', view({ shard: running }), 9_001],
  [
    'when a silent agent is lost',
    view({ shard: { ...running, heardMs: nowMs - 30_000 }, agent: { ...heardAgent, lastSeenMs: nowMs - 30_000 } }),
    60_001,
  ],
  ['soon when its agent has not begun', view({ shard: seenShard({ isStopped: true }) }), 2_001],
  ['when its agent is lost while it waits for room', view({ shard: seenShard({ isStopped: true, givenInstead: 256 }) }), 89_001],
  [
    'when the lease of a lost agent ends',
    view({
      shard: seenShard({ heardMs: nowMs - 600_000, stoppedMs: nowMs + 5_000 }),
      agent: { ...lostAgent, lastSeenMs: nowMs - 600_000 },
    }),
    5_001,
  ],
  ['never when it has ended', view({ job: storedJob({ status: complete }) }), undefined],
  ['never when its own write is to come back', view(), undefined],
];

for (const [name, seen, expected] of looks) {
  test(`a job is looked at again without an event ${name}`, () => {
    assert.equal(nextLookMs(seen, decide(seen)), expected);
  });
}
