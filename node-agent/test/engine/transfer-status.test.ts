import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TransferJobStatus, transferJobStatus, type VerifyLevel } from '@smartcopy/crds';
import { nothingUsed } from '@smartcopy/crds/progress';
import type { FailureGroup } from '../../src/engine/failure-summary.ts';
import type { TransferReport } from '../../src/engine/run-transfer.ts';
import { statusOfEnded, statusOfNotStarted } from '../../src/engine/transfer-status.ts';
import { countersOf } from './counters.ts';

const endedAtMs = Date.parse('2026-01-31T09:30:10.750Z');
const done = countersOf({ bytesTotal: 4_096, bytesDone: 4_096, readWriteBytes: 4_096, filesTotal: 4, filesDone: 4, totalsFinal: true });

function reportOf(given: Partial<TransferReport> = {}): TransferReport {
  return {
    phase: 'Complete',
    end: 'Finished',
    counters: done,
    failureCount: 0,
    mismatchCount: 0,
    intoItselfCount: 0,
    errors: [],
    fallbacks: [],
    losses: [{ what: 'owner', errno: 'EPERM', count: 3, path: 'a' }],
    temporariesRemoved: 0,
    triedAgain: 0,
    plannedBytes: 0,
    startedAtMs: endedAtMs - 2_000,
    endedAtMs,
    durationMs: 2_000,
    ...given,
  };
}

const denied: FailureGroup = { reason: 'PermissionDenied', side: 'source', path: 'a', errno: 'EACCES', syscall: 'openat', count: 2 };

/** The conditions as `type=status/reason`. */
function conditionsOf(status: TransferJobStatus): readonly string[] {
  return (status.conditions ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

test('a finished transfer is complete, at its mean rate', () => {
  const status = statusOfEnded(reportOf(), 'None');
  assert.equal(status.phase, 'Complete');
  assert.equal(status.startTime, '2026-01-31T09:30:08Z');
  assert.equal(status.completionTime, '2026-01-31T09:30:10Z');
  assert.equal(status.progress?.bytesPerSecond, 2_048);
  assert.equal(status.progress?.percent, 100);
  assert.deepEqual(status.progress?.summary, { progress: '100%', rate: '2.0 KiB/s' });
  assert.deepEqual(status.progress?.notKept, [{ what: 'owner', errno: 'EPERM', count: 3, path: 'a' }]);
  assert.deepEqual(status.engineUsed, { ...nothingUsed, readWrite: 4_096 });
  assert.deepEqual(conditionsOf(status), ['Complete=True/Succeeded']);
});

test('blocks that are shared and holes are done, and in no rate', () => {
  const counters = { ...done, bytesTotal: 9_000_000, bytesDone: 9_000_000, reflinkBytes: 5_000_000, holeBytes: 3_000_000 };
  const { progress } = statusOfEnded(reportOf({ counters }), 'None');
  assert.deepEqual([progress?.bytesPerSecond, progress?.percent], [500_000, 100]);
});

test('a copy that lost nothing has no list of losses', () => {
  assert.equal('notKept' in (statusOfEnded(reportOf({ losses: [] }), 'None').progress ?? {}), false);
});

test('without final totals the progress is in bytes', () => {
  const counters = countersOf({ bytesTotal: 4_096, bytesDone: 1_024, bytesUnchanged: 1_024 });
  const { progress } = statusOfEnded(reportOf({ phase: 'Failed', end: 'Cancelled', counters }), 'None');
  assert.equal(progress?.percent, undefined);
  assert.equal(progress?.summary.progress, '2.0 KiB');
});

const outcomes: readonly (readonly [name: string, report: Partial<TransferReport>, level: VerifyLevel, conditions: readonly string[]])[] = [
  ['everything was read back', {}, 'Readback', ['Complete=True/Succeeded', 'Verified=True/Succeeded']],
  ['everything was read from the medium', {}, 'Media', ['Complete=True/Succeeded', 'Verified=True/Succeeded']],
  ['nothing but the source was read', {}, 'Source', ['Complete=True/Succeeded']],
  [
    'a file could not be read, all others were read back',
    { phase: 'Failed', counters: { ...done, filesDone: 3, filesFailed: 1 }, failureCount: 1, errors: [denied] },
    'Readback',
    ['Complete=False/EntriesFailed', 'Failed=True/EntriesFailed', 'Verified=False/EntriesFailed'],
  ],
  [
    'a file differed when it was read back',
    { phase: 'Failed', counters: { ...done, filesDone: 3, filesFailed: 1 }, failureCount: 1, mismatchCount: 1 },
    'Readback',
    ['Complete=False/VerifyMismatch', 'Failed=True/VerifyMismatch', 'Verified=False/VerifyMismatch'],
  ],
  [
    'it was interrupted',
    { phase: 'Failed', end: 'Cancelled' },
    'Readback',
    ['Complete=False/Interrupted', 'Failed=True/Interrupted', 'Verified=False/Interrupted'],
  ],
  [
    'it ended early',
    {
      phase: 'Failed',
      end: 'EndedEarly',
      endedBy: { ...denied, reason: 'NoSpace', errno: 'ENOSPC', syscall: 'syncfs' },
      failureCount: 1,
    },
    'None',
    ['Complete=False/NoSpace', 'Failed=True/NoSpace'],
  ],
  [
    'a directory would have been copied into itself',
    { phase: 'Failed', failureCount: 3, intoItselfCount: 1, errors: [denied] },
    'None',
    ['Complete=False/DestinationInsideSource', 'Failed=True/DestinationInsideSource'],
  ],
  [
    'only a directory kept wrong times',
    { phase: 'Failed', failureCount: 1, errors: [denied] },
    'None',
    ['Complete=False/EntriesFailed', 'Failed=True/EntriesFailed'],
  ],
  [
    'the list of digests is incomplete',
    { phase: 'Failed', digestsError: { errno: 'ENOSPC', syscall: 'write' } },
    'None',
    ['Complete=False/DigestsIncomplete', 'Failed=True/DigestsIncomplete'],
  ],
];
for (const [name, report, level, conditions] of outcomes) {
  test(`the conditions when ${name}`, () => {
    const status = statusOfEnded(reportOf(report), level);
    assert.deepEqual(conditionsOf(status), conditions);
    transferJobStatus.parse(status);
  });
}

test('what is said is said with its numbers', () => {
  const counters = { ...done, filesTotal: 1_112, filesDone: 1_110, filesFailed: 2, bytesVerified: 2_048 };
  const status = statusOfEnded(reportOf({ phase: 'Failed', counters, failureCount: 2, errors: [denied] }), 'Readback');
  assert.deepEqual(
    status.conditions?.map(({ message }) => message),
    [
      '2 entries could not be copied, or not with all attributes; the first: a in the source: permission denied (openat: EACCES)',
      '2 entries could not be copied, or not with all attributes; the first: a in the source: permission denied (openat: EACCES)',
      '2.0 KiB read back and found equal, but not everything was copied',
    ],
  );
  assert.deepEqual(status.errors, [{ ...denied, side: 'Source' }]);
});

test('the level that was verified is named', () => {
  const verifiedBy = (level: VerifyLevel): string | undefined =>
    statusOfEnded(reportOf({ counters: { ...done, filesUnchanged: 0, bytesVerified: 2_048 } }), level).conditions?.at(-1)?.message;
  assert.equal(verifiedBy('Readback'), '2.0 KiB read back and found equal');
  assert.equal(verifiedBy('Media'), '2.0 KiB read back past the page cache and found equal');
});

test('what was not quite as asked is said beside the success', () => {
  const counters = { ...done, filesDone: 3, filesUnchanged: 0, entriesRefused: 1 };
  const losses: TransferReport['losses'] = [
    { what: 'owner', errno: 'EPERM', count: 2, path: 'a' },
    { what: 'acl', count: 1, path: 'b' },
    { what: 'specialFile', count: 1, path: 'c' },
  ];
  const status = statusOfEnded(reportOf({ counters, losses }), 'None');
  assert.equal(
    status.conditions?.[0]?.message,
    '3 files copied, 0 equal already; 1 device, socket or FIFO left out; 2 entries copied without owner or group; 1 entry copied without ACL',
  );
});

test('a transfer that did not start has the same fields, and fits the schema however long its sentence is', () => {
  const status = statusOfNotStarted({ reason: 'InvalidInput', message: 'x'.repeat(5_000) }, endedAtMs);
  assert.equal(status.phase, 'Failed');
  assert.deepEqual(status.errors, []);
  assert.deepEqual(status.engineUsed, nothingUsed);
  assert.deepEqual(conditionsOf(status), ['Complete=False/InvalidInput', 'Failed=True/InvalidInput']);
  transferJobStatus.parse(status);
});
