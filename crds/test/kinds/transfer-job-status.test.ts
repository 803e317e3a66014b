import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferJobStatus } from '../../src/index.ts';
import { finishedStatus } from './transfer-job-cases.ts';

test('a status with every field is taken as it is', () => {
  assert.deepEqual(transferJobStatus.parse(finishedStatus), finishedStatus);
});

test('the largest status leaves room in an object of 16 KiB', () => {
  assert.ok(JSON.stringify(finishedStatus).length < 15 * 1024);
});

test('what a newer version wrote can be read, without the fields that are unknown here', () => {
  const newer = { phase: 'Running', shards: { total: 2 }, engineUsed: { reflink: 1, readWrite: 2, ioUring: 3 } };
  assert.deepEqual(transferJobStatus.parse(newer), { phase: 'Running', engineUsed: { reflink: 1, readWrite: 2 } });
});

const { progress, errors, conditions } = finishedStatus;
const [failure] = errors;
const [condition] = conditions;

const refused: readonly (readonly [string, object, readonly PropertyKey[]])[] = [
  ['no phase', { phase: undefined }, ['phase']],
  ['a phase of another word', { phase: 'Done' }, ['phase']],
  ['a local time', { startTime: '2026-01-31 09:30' }, ['startTime']],
  ['101 percent', { progress: { ...progress, percent: 101 } }, ['progress', 'percent']],
  ['half a percent', { progress: { ...progress, percent: 0.5 } }, ['progress', 'percent']],
  ['a negative count', { progress: { ...progress, filesDone: -1 } }, ['progress', 'filesDone']],
  ['bytes that are not exact', { progress: { ...progress, bytesDone: 2 ** 53 } }, ['progress', 'bytesDone']],
  ['an eleventh kind of failure', { errors: [...errors, failure] }, ['errors']],
  ['a path of 257 characters', { errors: [{ ...failure, path: 'a'.repeat(257) }] }, ['errors', 0, 'path']],
  ['half a byte of a path', { errors: [{ ...failure, pathHex: 'fff' }] }, ['errors', 0, 'pathHex']],
  ['an errno as a number', { errors: [{ ...failure, errno: '13' }] }, ['errors', 0, 'errno']],
  ['a failure that happened to nothing', { errors: [{ ...failure, count: 0 }] }, ['errors', 0, 'count']],
  ['a reason of two words', { errors: [{ ...failure, reason: 'No space' }] }, ['errors', 0, 'reason']],
  ['a condition of another type', { conditions: [{ ...condition, type: 'Ready' }] }, ['conditions', 0, 'type']],
  ['a condition that is neither true nor false', { conditions: [{ ...condition, status: true }] }, ['conditions', 0, 'status']],
];

for (const [name, change, path] of refused) {
  test(`a status is refused: ${name}`, () => {
    const result = transferJobStatus.safeParse({ ...finishedStatus, ...change });
    assert.deepEqual(
      result.error?.issues.map((issue) => issue.path),
      [path],
    );
  });
}
