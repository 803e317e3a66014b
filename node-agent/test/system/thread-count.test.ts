import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOfThreads } from '../../src/system/thread-count.ts';

const cases: readonly (readonly [cpuCount: number, runningCount: number, threadCount: number])[] = [
  [64, 0, 64],
  [64, 1, 32],
  [64, 3, 16],
  [64, 200, 4],
  [2, 0, 2],
  [2, 50, 2],
  [1, 9, 1],
];
for (const [cpuCount, runningCount, threadCount] of cases) {
  test(`beside ${runningCount} transfers on ${cpuCount} CPUs one more has ${threadCount} threads`, () => {
    assert.equal(shareOfThreads({ onlineCount: cpuCount, affinityCount: cpuCount }, runningCount), threadCount);
  });
}
