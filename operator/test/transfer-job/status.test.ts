import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StoredTransferJob, type TransferFailure, type TransferJobStatus, transferJobStatus } from '@smartcopy/crds';
import { nothingUsed } from '@smartcopy/crds/progress';
import { decide, refused } from '../../src/transfer-job/decide.ts';
import type { Observed } from '../../src/transfer-job/observe.ts';
import { changeBetween, nextStatus } from '../../src/transfer-job/status.ts';
import { storedPolicy } from '../policy/policy-cases.ts';
import {
  destination,
  failed,
  halfDone,
  heardAgent,
  labelled,
  nowMs,
  progressOf,
  readyRoots,
  reportOf,
  running,
  seenShard,
  source,
  storedJob,
  storedShard,
  succeeded,
  unreadableShard,
  view,
} from './job-cases.ts';

function statusOf(seen: Observed): TransferJobStatus {
  return nextStatus(seen, decide(seen));
}

/** `phase: Type=Status/Reason …`, in the order of the status. */
function outline({ phase, conditions = [] }: TransferJobStatus): string {
  return `${phase}: ${conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`).join(' ')}`;
}

/** The same view after its status was written, some time later. */
function later(seen: Observed, change: Partial<Observed>, ms = 60_000): Observed {
  const job = change.job ?? seen.job;
  return { ...seen, nowMs: seen.nowMs + ms, ...change, job: { ...job, status: statusOf(seen) } };
}

const suspendedJob = storedJob({ spec: { suspend: true } });
const runningJob = (change: Parameters<typeof storedJob>[0] = {}): StoredTransferJob =>
  storedJob({ ...change, status: statusOf(view({ shard: running })) });
const stoppedShard = seenShard({ isStopped: true });
const ended = (status: typeof succeeded) => seenShard({ object: storedShard({ status }), isStopped: true });
const nowhere = {
  source: { nodePath: { ...source, nodeName: 'nowhere' } },
  destination: { nodePath: { ...destination, nodeName: 'nowhere' } },
};
const working = (reason: string): string => `Complete=False/${reason} Ready=False/${reason} Reconciling=True/${reason}`;
const stuck = (reason: string): string => `Complete=False/${reason} Ready=False/${reason} Stalled=True/${reason}`;
const given = 'Authorized=True/PolicyMatched Scheduled=True/Assigned';

const outlines: readonly (readonly [string, Observed, string])[] = [
  ['about to be given out', view(), `Pending: Authorized=True/PolicyMatched Scheduled=False/Pending ${working('Pending')}`],
  ['given out and not begun', view({ shard: stoppedShard }), `Pending: ${given} ${working('Assigned')}`],
  ['begun, nothing found yet', view({ shard: seenShard({ report: reportOf() }) }), `Scanning: ${given} ${working('Scanning')}`],
  [
    'scanning, directories found',
    view({ shard: seenShard({ report: reportOf({ progress: progressOf({ bytesTotal: 10, filesTotal: 1 }) }) }) }),
    `Scanning: ${given} ${working('Scanning')}`,
  ],
  [
    'its first file was equal',
    view({ shard: seenShard({ report: reportOf({ progress: progressOf({ filesUnchanged: 1 }) }) }) }),
    `Running: ${given} ${working('Running')}`,
  ],
  [
    'an empty source is counted',
    view({ shard: seenShard({ report: reportOf({ progress: progressOf({ totalsFinal: true }) }) }) }),
    `Running: ${given} ${working('Running')}`,
  ],
  ['running', view({ shard: running }), `Running: ${given} ${working('Running')}`],
  [
    'running, the operator has just started',
    view({ job: runningJob(), shard: seenShard({ heardMs: undefined }), agent: undefined, operatorStartedMs: nowMs }),
    `Running: ${given} ${working('Running')}`,
  ],
  [
    'running, its agent lost, its lease not over',
    view({
      job: runningJob(),
      shard: { ...running, heardMs: nowMs - 100_000 },
      agent: { ...heardAgent, lastSeenMs: nowMs - 100_000, isHeard: false },
    }),
    `Running: Authorized=True/PolicyMatched Scheduled=False/AgentUnavailable ${working('AgentUnavailable')}`,
  ],
  [
    'its agent lost, its lease over',
    view({ job: runningJob(), shard: { ...running, heardMs: nowMs - 100_000, isStopped: true }, agent: undefined }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/AgentUnavailable ${working('AgentUnavailable')}`,
  ],
  [
    'its agent waits for a slot',
    view({ shard: seenShard({ report: reportOf({ state: 'Waiting', waiting: { reason: 'SlotsBusy', message: 'others work' } }) }) }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/SlotsBusy ${working('SlotsBusy')}`,
  ],
  [
    'left waiting by a full node',
    view({ shard: seenShard({ isStopped: true, givenInstead: 256 }) }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/NoFreeSlot ${working('NoFreeSlot')}`,
  ],
  [
    'held by a shard that cannot be read',
    view({ unreadableShard }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/ShardUnreadable ${stuck('ShardUnreadable')}`,
  ],
  [
    'suspended, and nobody knows whether anything works on it',
    view({ unreadableShard, job: suspendedJob }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/ShardUnreadable Suspended=False/Stopping ${stuck('ShardUnreadable')}`,
  ],
  ['denied', view({ policies: [] }), `Pending: Authorized=False/NoPolicy Scheduled=False/NotAuthorized ${stuck('NoPolicy')}`],
  [
    'denied while it runs',
    view({ job: runningJob(), shard: running, policies: [] }),
    `Running: Authorized=False/NoPolicy Scheduled=False/NotAuthorized ${stuck('NoPolicy')}`,
  ],
  [
    'denied and stopped',
    view({ job: runningJob(), shard: stoppedShard, policies: [] }),
    `Pending: Authorized=False/NoPolicy Scheduled=False/NotAuthorized ${stuck('NoPolicy')}`,
  ],
  [
    'on an unknown node',
    view({ job: storedJob({ spec: nowhere }) }),
    `Pending: Authorized=Unknown/NodeUnavailable Scheduled=False/NodeUnavailable ${stuck('NodeUnavailable')}`,
  ],
  [
    'on two nodes',
    view({ job: storedJob({ spec: { destination: { nodePath: { ...destination, nodeName: 'worker-2' } } } }) }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/NodesDiffer ${stuck('NodesDiffer')}`,
  ],
  [
    'its root is not mounted',
    view({ agent: { ...heardAgent, roots: [] } }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/RootNotMounted ${stuck('RootNotMounted')}`,
  ],
  [
    'its root is read-only',
    view({ agent: { ...heardAgent, roots: readyRoots.map((root) => ({ ...root, readOnly: true })) } }),
    `Pending: Authorized=True/PolicyMatched Scheduled=False/RootReadOnly ${stuck('RootReadOnly')}`,
  ],
  [
    'suspended from its birth',
    view({ job: suspendedJob }),
    'Suspended: Authorized=True/PolicyMatched Scheduled=False/Suspended Suspended=True/Suspended Complete=False/Suspended Ready=False/Suspended',
  ],
  [
    'suspended and still at work',
    view({ job: runningJob({ spec: { suspend: true } }), shard: running }),
    `Running: ${given} Suspended=False/Stopping ${working('Stopping')}`,
  ],
  [
    'suspended and at rest',
    view({ job: runningJob({ spec: { suspend: true } }), shard: stoppedShard }),
    `Suspended: ${given} Suspended=True/Suspended Complete=False/Suspended Ready=False/Suspended`,
  ],
  [
    'resumed',
    later(view({ job: suspendedJob, shard: stoppedShard }), { job: storedJob() }),
    `Pending: ${given} Suspended=False/Resumed ${working('Assigned')}`,
  ],
  [
    'deleted while it runs',
    view({ job: runningJob({ metadata: { deletionTimestamp: '2026-01-31T10:00:00Z' } }), shard: running }),
    `Running: ${given} ${working('Deleting')}`,
  ],
  [
    'complete',
    view({ shard: ended(succeeded) }),
    `Complete: ${given} Verified=True/Succeeded Complete=True/Succeeded Ready=True/Succeeded`,
  ],
  [
    'complete, and its policy is gone meanwhile',
    view({ job: runningJob(), shard: ended(succeeded), policies: [], nodes: [labelled('other')] }),
    `Complete: ${given} Verified=True/Succeeded Complete=True/Succeeded Ready=True/Succeeded`,
  ],
  [
    'failed',
    view({ shard: ended({ ...failed, outcome: { reason: 'NoSpace', message: 'the disk is full' } }) }),
    `Failed: ${given} Failed=True/NoSpace ${stuck('NoSpace')}`,
  ],
  [
    'complete although it was to be suspended',
    later(view({ job: suspendedJob, shard: running }), {
      job: suspendedJob,
      shard: ended({ ...succeeded, outcome: { reason: 'Succeeded', message: '' } }),
    }),
    `Complete: ${given} Suspended=False/Ended Complete=True/Succeeded Ready=True/Succeeded`,
  ],
];

for (const [name, seen, expected] of outlines) {
  test(`a job that is: ${name}`, () => {
    const status = statusOf(seen);
    assert.equal(outline(status), expected);
    // What is written is what the API server accepts and what is read again.
    assert.deepEqual(transferJobStatus.parse(status), status);
    assert.ok(status.conditions?.every(({ observedGeneration }) => observedGeneration === 3));
  });
}

test('a job whose shard the API server refuses says so', () => {
  const seen = view();
  const status = nextStatus(seen, refused(decide(seen), 'create transfershards: 403 Forbidden: exceeded quota'));
  assert.equal(outline(status), `Pending: Authorized=True/PolicyMatched Scheduled=False/ShardNotCreated ${stuck('ShardNotCreated')}`);
  assert.match(status.conditions?.find(({ type }) => type === 'Scheduled')?.message ?? '', /exceeded quota$/);
});

test('a change of the spec changes nothing of a job that has ended but the generation', () => {
  const seen = view({ job: runningJob(), shard: ended(succeeded) });
  const status = statusOf(seen);
  const changed = view({
    job: storedJob({ metadata: { generation: 4 }, spec: { suspend: true }, status }),
    policies: [],
    agent: undefined,
  });
  const conditions = status.conditions?.map((condition) => ({ ...condition, observedGeneration: 4 }));
  assert.deepEqual(statusOf(changed), { ...status, observedGeneration: 4, conditions });
  assert.equal(changeBetween(status, statusOf(changed)), 'transition');
});

test('the clock of a node cannot make a last number that nobody takes', () => {
  const progress = { ...halfDone, lastUpdateTime: '9999-12-31T23:59:59-23:59' };
  assert.equal(statusOf(view({ shard: ended({ ...succeeded, progress }) })).progress?.lastUpdateTime, '2026-01-31T10:00:00Z');
});

test('a shard that waits for room is held by no agent', () => {
  assert.equal(statusOf(view({ shard: seenShard({ isStopped: true, givenInstead: 256 }) })).shards?.active, 0);
});

test('a condition keeps the time of its last change of status, also when its reason changes', () => {
  const pending = view({ shard: stoppedShard });
  const denied = later(pending, { ends: view({ policies: [] }).ends });
  const times = Object.fromEntries(statusOf(denied).conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]) ?? []);
  assert.deepEqual(times, {
    Authorized: '2026-01-31T10:01:00Z',
    Scheduled: '2026-01-31T10:01:00Z',
    Complete: '2026-01-31T10:00:00Z',
    Ready: '2026-01-31T10:00:00Z',
    Stalled: '2026-01-31T10:01:00Z',
  });
});

test('while nothing happens the status stays the same', () => {
  for (const [, seen] of outlines) {
    const before = statusOf(seen);
    // What has ended is not described again.
    if (before.completionTime !== undefined) continue;
    const again = statusOf({ ...seen, nowMs: seen.nowMs + 100, job: { ...seen.job, status: before } });
    assert.equal(changeBetween(before, again), undefined, outline(before));
  }
});

test('numbers of a running job are told as its agent gave them, with a rate and the time left', () => {
  const { progress, startTime, shards, engineUsed } = statusOf(view({ shard: running }));
  assert.equal(startTime, '2026-01-31T09:58:59Z');
  assert.deepEqual(shards, { total: 1, active: 1, succeeded: 0, failed: 0, nodes: 'worker-1' });
  assert.deepEqual(engineUsed, { ...nothingUsed, readWrite: 1_000 });
  assert.deepEqual(progress, halfDone);
  assert.deepEqual(progress?.summary, { progress: '50%', rate: '100 B/s', eta: '10s' });
});

const standstills: readonly (readonly [string, Observed])[] = [
  ['its agent is silent', view({ shard: { ...running, heardMs: nowMs - 11_000 } })],
  [
    'its agent is silent since the operator started',
    view({ job: runningJob(), shard: seenShard({ heardMs: undefined }), operatorStartedMs: nowMs - 11_000 }),
  ],
  ['it rests', view({ job: runningJob({ spec: { suspend: true } }), shard: { ...running, isStopped: true } })],
  ['it was stopped', view({ shard: { ...running, report: reportOf({ state: 'Stopped', progress: halfDone }) } })],
];

for (const [name, seen] of standstills) {
  test(`nothing is promised of a job when ${name}`, () => {
    const { progress } = statusOf(seen);
    assert.equal(progress?.bytesDone, 1_000);
    assert.equal(progress?.bytesPerSecond, 0);
    assert.equal(progress?.estimatedCompletionTime, undefined);
    assert.deepEqual(progress?.summary, { progress: '50%', rate: '0 B/s' });
  });
}

test('a silent agent is named with the time since when', () => {
  const { conditions } = statusOf(view({ shard: { ...running, heardMs: nowMs - 11_000 } }));
  assert.match(
    conditions?.find(({ type }) => type === 'Ready')?.message ?? '',
    /'worker-1' copies; the agent was heard last at 2026-01-31T09:59:49Z/,
  );
});

test('an operator that has just started tells what was written', () => {
  const job = runningJob();
  const seen = view({ job, shard: seenShard({ heardMs: undefined }), agent: undefined, operatorStartedMs: nowMs });
  assert.deepEqual(statusOf(seen).progress, job.status?.progress);
  assert.equal(statusOf(seen).startTime, job.status?.startTime);
});

test('a job ends with the numbers, the times and the failures of its shard', () => {
  const status = statusOf(view({ job: runningJob(), shard: ended(failed) }));
  assert.equal(status.startTime, '2026-01-31T09:58:59Z');
  assert.equal(status.completionTime, '2026-01-31T09:59:59Z');
  assert.deepEqual(status.errors, failed.errors);
  assert.deepEqual(status.engineUsed, { ...nothingUsed, reflink: 2_000 });
  assert.deepEqual(status.shards, { total: 1, active: 0, succeeded: 0, failed: 1, nodes: 'worker-1' });
  assert.deepEqual(status.progress?.summary, { progress: '100%', rate: '0 B/s' });
});

test('the texts of an agent cannot disturb a terminal', () => {
  const outcome = { reason: 'NoSpace', message: 'full\u001b[31m\nred\u202e' };
  const { conditions } = statusOf(view({ shard: ended({ ...failed, outcome }) }));
  assert.ok(conditions?.every(({ message }) => !/[\p{Cc}\p{Cf}]/u.test(message)));
});

/** 256 characters that take the most room, and a path that is no UTF-8. */
const longest: TransferFailure = {
  reason: 'A'.repeat(64),
  side: 'Destination',
  path: '語'.repeat(256),
  pathHex: 'f'.repeat(512),
  errno: `E${'X'.repeat(31)}`,
  syscall: 'x'.repeat(32),
  count: Number.MAX_SAFE_INTEGER,
};
const longestText = '語'.repeat(1024);
const longName = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;

test('the largest status leaves room in an object of 16 KiB', () => {
  const verified = { status: 'False' as const, reason: 'A'.repeat(64), message: longestText };
  const outcome = { reason: 'A'.repeat(64), message: longestText, verified };
  const object = storedShard({
    spec: { node: longName },
    status: { ...failed, outcome, errors: Array.from({ length: 10 }, () => longest) },
  });
  const policy = storedPolicy(longName, {
    namespaceSelector: {},
    roots: [
      { alias: 'scratch', hostPath: '/mnt/scratch' },
      { alias: 'archive', hostPath: '/mnt/archive', access: 'WriteOnly' },
    ],
  });
  const spec = {
    source: { nodePath: { ...source, nodeName: longName } },
    destination: { nodePath: { ...destination, nodeName: longName } },
  };
  const seen = view({ job: storedJob({ spec }), policies: [policy], nodes: [labelled(longName)], shard: seenShard({ object }) });
  const status = statusOf(seen);
  assert.ok(Buffer.byteLength(JSON.stringify(status)) < 12 * 1024, `${Buffer.byteLength(JSON.stringify(status))} bytes`);
  assert.ok((status.errors?.length ?? 0) >= 3);
  assert.deepEqual(transferJobStatus.parse(status), status);
});

test('ten failures of ordinary paths are all told', () => {
  const failure = {
    ...longest,
    reason: 'PermissionDenied',
    path: 'a/'.repeat(100),
    pathHex: undefined,
    errno: 'EACCES',
    syscall: 'openat2',
  };
  const { pathHex: _, ...ordinary } = failure;
  const errors = Array.from({ length: 10 }, () => ordinary);
  assert.deepEqual(statusOf(view({ shard: ended({ ...failed, errors }) })).errors, errors);
});

const changes: readonly (readonly [string, TransferJobStatus | undefined, TransferJobStatus, ReturnType<typeof changeBetween>])[] = (() => {
  const status = statusOf(view({ shard: running }));
  const conditions = status.conditions ?? [];
  const progress = status.progress ?? halfDone;
  return [
    ['a first status', undefined, status, 'transition'],
    ['nothing', status, structuredClone(status), undefined],
    ['the time of the numbers', status, { ...status, progress: { ...progress, lastUpdateTime: '2026-01-31T10:00:05Z' } }, undefined],
    ['a number', status, { ...status, progress: { ...progress, bytesDone: 1_001 } }, 'progress'],
    ['a message', status, { ...status, conditions: conditions.map((one) => ({ ...one, message: 'other' })) }, 'progress'],
    ['failures', status, { ...status, errors: [longest] }, 'progress'],
    ['the phase', status, { ...status, phase: 'Suspended' }, 'transition'],
    ['a reason', status, { ...status, conditions: conditions.map((one) => ({ ...one, reason: 'Other' })) }, 'transition'],
    ['a condition that is gone', status, { ...status, conditions: conditions.slice(1) }, 'transition'],
    ['the generation', status, { ...status, observedGeneration: 4 }, 'transition'],
    ['the start', status, { ...status, startTime: '2026-01-31T08:00:00Z' }, 'transition'],
    ['the shards', status, { ...status, shards: { total: 1, active: 0, succeeded: 0, failed: 0, nodes: 'worker-1' } }, 'transition'],
  ];
})();

for (const [name, before, after, expected] of changes) {
  test(`a change of ${name} is ${expected ?? 'not'} worth a write`, () => {
    assert.equal(changeBetween(before, after), expected);
  });
}
