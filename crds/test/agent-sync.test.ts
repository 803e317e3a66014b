import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  agentTokenAudience,
  maxAssignments,
  maxSyncBytes,
  operatorTlsName,
  syncPath,
  syncRefusal,
  syncRequest,
  syncResponse,
} from '../src/index.ts';
import { agentStatus } from './kinds/node-agent-cases.ts';
import { finishedStatus } from './kinds/transfer-job-status-cases.ts';

const { progress, engineUsed, errors } = finishedStatus;

/** A request with every member. */
const request = syncRequest.parse({
  bootId: '4d5c7a34-2f0e-4b55-8f7e-1d2f0a0b9c11',
  instanceId: '9f3b6f62-52c5-4f0e-b3a1-7c3f3a0d1e22',
  version: '0.1.0',
  appliedRevision: 'sha256-of-the-last-set',
  waitMs: 25_000,
  capabilities: agentStatus.capabilities,
  roots: agentStatus.roots,
  reports: [
    {
      assignment: '6f0c3a1e-r1-0',
      epoch: 1,
      state: 'Failed',
      waiting: { reason: 'RootNotMounted', message: 'no directory is mounted for scratch at /mnt/scratch' },
      startedForMs: 7_250,
      firstByteForMs: 7_000,
      progress,
      engineUsed,
      errors,
      outcome: {
        reason: 'EntriesFailed',
        message: 'one entry failed',
        verified: { status: 'True', reason: 'Succeeded', message: 'equal' },
      },
      heldAllowance: { bytesPerSecond: null, validForMs: 12_000 },
    },
  ],
});

/** An answer with every member. */
const response = syncResponse.parse({
  revision: 'sha256-of-this-set',
  assignments: [
    {
      id: '6f0c3a1e-r1-0',
      epoch: 1,
      leaseMs: 3_600_000,
      spec: {
        job: { namespace: 'climate', name: 'run42', uid: '6f0c3a1e-94a1-4f2b-8a52-0d0f6f0f3c11' },
        index: 0,
        source: { alias: 'scratch', hostPath: '/mnt/scratch', subPath: 'tenants/climate', path: 'run42', crossMounts: false },
        destination: { alias: 'archive', hostPath: '/mnt/archive', subPath: '', path: '2026/run42', crossMounts: true },
        update: 'IfDifferent',
        verify: { algorithm: 'BLAKE3', level: 'Readback' },
        durability: 'Batch',
        threadCount: 8,
        bufferBytes: 1_048_576,
      },
    },
  ],
  allowances: [{ assignment: '6f0c3a1e-r1-0', bytesPerSecond: 104_857_600, validForMs: 15_000 }],
  nextSyncMs: 0,
});

test('a request and an answer with every member arrive as they were sent', () => {
  assert.deepEqual(syncRequest.parse(JSON.parse(JSON.stringify(request))), request);
  assert.deepEqual(syncResponse.parse(JSON.parse(JSON.stringify(response))), response);
});

test('an agent with nothing to say yet may say just that', () => {
  const { appliedRevision: _, ...first } = request;
  assert.ok(syncRequest.safeParse({ ...first, roots: [], reports: [] }).success);
  assert.ok(syncResponse.safeParse({ revision: 'empty', assignments: [], allowances: [], nextSyncMs: 1_000 }).success);
});

test('members that a newer side sends are dropped, at every depth', () => {
  const [report] = request.reports;
  const [held] = response.assignments;
  const newerRequest = { ...request, newer: 1, reports: [{ ...report, newer: 1, progress: { ...progress, newer: 1 } }] };
  const newerResponse = {
    ...response,
    newer: 1,
    assignments: [{ ...held, newer: 1, spec: { ...held?.spec, newer: 1, source: { ...held?.spec.source, newer: 1 } } }],
  };
  assert.deepEqual(syncRequest.parse(newerRequest), request);
  assert.deepEqual(syncResponse.parse(newerResponse), response);
});

const tenYearsMs = 10 * 365 * 86_400_000;
const changeReport = (change: object): object => ({ reports: [{ ...request.reports[0], ...change }] });
const badRequests: readonly (readonly [name: string, change: object, path: readonly PropertyKey[]])[] = [
  ['a hold of more than a minute', { waitMs: 60_001 }, ['waitMs']],
  ['no boot', { bootId: '' }, ['bootId']],
  ['a revision of 65 characters', { appliedRevision: 'a'.repeat(65) }, ['appliedRevision']],
  ['65 roots', { roots: Array.from({ length: 65 }, (_, index) => ({ ...agentStatus.roots[0], hostPath: `/${index}` })) }, ['roots']],
  ['one root twice, which NodeAgent could not show', { roots: [agentStatus.roots[0], agentStatus.roots[0]] }, ['roots', 1]],
  [
    'more reports than an agent may hold shards',
    { reports: Array.from({ length: maxAssignments + 1 }, () => request.reports[0]) },
    ['reports'],
  ],
  ['a report about no shard', changeReport({ assignment: '../x' }), ['reports', 0, 'assignment']],
  ['a report of epoch 0', changeReport({ epoch: 0 }), ['reports', 0, 'epoch']],
  ['another state', changeReport({ state: 'Paused' }), ['reports', 0, 'state']],
  ['a reason in two words', changeReport({ waiting: { reason: 'not mounted', message: '' } }), ['reports', 0, 'waiting', 'reason']],
  ['an eleventh kind of failure', changeReport({ errors: [...errors, errors[0]] }), ['reports', 0, 'errors']],
  ['a time before the start', changeReport({ firstByteForMs: -1 }), ['reports', 0, 'firstByteForMs']],
  ['a start more than ten years ago', changeReport({ startedForMs: tenYearsMs + 1 }), ['reports', 0, 'startedForMs']],
  ['a first byte more than ten years ago', changeReport({ firstByteForMs: tenYearsMs + 1 }), ['reports', 0, 'firstByteForMs']],
  [
    'a negative allowance',
    changeReport({ heldAllowance: { bytesPerSecond: -1, validForMs: 1 } }),
    ['reports', 0, 'heldAllowance', 'bytesPerSecond'],
  ],
];
for (const [name, change, path] of badRequests) {
  test(`a request is refused: ${name}`, () => {
    assert.deepEqual(
      syncRequest.safeParse({ ...request, ...change }).error?.issues.map((issue) => issue.path),
      [path],
    );
  });
}

const changeSpec = (change: object): object => {
  const [held] = response.assignments;
  return { assignments: [{ ...held, spec: { ...held?.spec, ...change } }] };
};
const source = response.assignments[0]?.spec.source;
const spec = ['assignments', 0, 'spec'];
const badResponses: readonly (readonly [name: string, change: object, path: readonly PropertyKey[]])[] = [
  ['no revision', { revision: '' }, ['revision']],
  ['a lease of nothing', { assignments: [{ ...response.assignments[0], leaseMs: 0 }] }, ['assignments', 0, 'leaseMs']],
  ['a path that leads out of its root', changeSpec({ source: { ...source, path: '../x' } }), [...spec, 'source', 'path']],
  ['a sub path that leads out of its root', changeSpec({ source: { ...source, subPath: 'a/..' } }), [...spec, 'source', 'subPath']],
  ['a host path that no policy may open', changeSpec({ source: { ...source, hostPath: '/etc' } }), [...spec, 'source', 'hostPath']],
  ['another update mode', changeSpec({ update: 'IfNewer' }), [...spec, 'update']],
  ['no durability', changeSpec({ durability: undefined }), [...spec, 'durability']],
  ['257 threads', changeSpec({ threadCount: 257 }), [...spec, 'threadCount']],
  ['a buffer above 1 GiB', changeSpec({ bufferBytes: 1024 ** 3 + 1 }), [...spec, 'bufferBytes']],
  ['half a byte per second', { allowances: [{ ...response.allowances[0], bytesPerSecond: 0.5 }] }, ['allowances', 0, 'bytesPerSecond']],
  ['a wait before now', { nextSyncMs: -1 }, ['nextSyncMs']],
];
for (const [name, change, path] of badResponses) {
  test(`an answer is refused: ${name}`, () => {
    assert.deepEqual(
      syncResponse.safeParse({ ...response, ...change }).error?.issues.map((issue) => issue.path),
      [path],
    );
  });
}

test('the largest request fits into what the operator reads', () => {
  const [report] = request.reports;
  const reports = Array.from({ length: maxAssignments }, () => report);
  const roots = Array.from({ length: 64 }, (_, index) => ({ ...agentStatus.roots[0], hostPath: `/${`${index}`.padStart(1023, 'a')}` }));
  const largest = syncRequest.parse({ ...request, roots, reports });
  assert.ok(Buffer.byteLength(JSON.stringify(largest)) < maxSyncBytes);
});

test('a refusal says which, and a standby where the leader is', () => {
  const refusal = { code: 'NotReady', message: 'another operator leads', leader: '10.0.0.7:8443' } as const;
  assert.deepEqual(syncRefusal.parse({ ...refusal, newer: 1 }), refusal);
  assert.ok(!syncRefusal.safeParse({ ...refusal, code: 'Busy' }).success);
});

// Agents and operators of different versions meet: these never change.
test('the words by which both sides find and trust each other', () => {
  assert.deepEqual(
    [syncPath, agentTokenAudience, operatorTlsName],
    ['/agents/v1/sync', 'smartcopy.io/agents', 'smartcopy-operator.smartcopy.io'],
  );
});
