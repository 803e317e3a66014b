import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferJobStatus } from '../../src/index.ts';
import { problemsOf, sentence } from '../../src/kinds/problem.ts';
import { nothingUsed } from '../../src/progress.ts';
import { finishedStatus, refusedStatuses } from './transfer-job-status-cases.ts';

test('a status with every field is taken as it is', () => {
  assert.deepEqual(transferJobStatus.parse(finishedStatus), finishedStatus);
});

// Nine conditions with the longest sentences, ten failures and ten losses of names that are all escapes: etcd takes 1.5 MiB, but holds every job.
test('the largest status is no larger than 26 KiB', () => {
  assert.ok(JSON.stringify(finishedStatus).length < 26 * 1024);
});

test('what a newer version wrote can be read, without the fields that are unknown here', () => {
  const newer = { phase: 'Running', runs: 2, engineUsed: { ...nothingUsed, readWrite: 2, telepathy: 3 } };
  assert.deepEqual(transferJobStatus.parse(newer), { phase: 'Running', engineUsed: { ...nothingUsed, readWrite: 2 } });
});

for (const { name, change, field, message } of refusedStatuses) {
  test(`a status is refused: ${name}`, () => {
    const result = transferJobStatus.safeParse({ ...finishedStatus, ...change }, { error: sentence });
    assert.deepEqual(
      problemsOf(result.error?.issues ?? []).map((problem) => `status.${problem}`),
      [`${field}: ${message}`],
    );
  });
}

// The API server counts in 64 bits: this door alone can lose bits.
test('a count that is not exact here is refused', () => {
  const { progress } = finishedStatus;
  const result = transferJobStatus.safeParse({ ...finishedStatus, progress: { ...progress, bytesDone: 2 ** 53 } });
  assert.deepEqual(
    result.error?.issues.map(({ path }) => path),
    [['progress', 'bytesDone']],
  );
});
