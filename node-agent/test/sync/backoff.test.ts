import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../src/sync/backoff.ts';

test('the first retry is fast, the others double from half a second to half a minute, jittered by half', () => {
  const waits = (chance: number) => Array.from({ length: 10 }, (_, index) => backoffMs('NoAnswer', index + 1, chance));
  assert.deepEqual(waits(1), [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(waits(0), [50, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
});

test('an operator that is not ready is asked again within two seconds', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 50].map((count) => backoffMs('NotReady', count, 1)),
    [250, 500, 1_000, 2_000, 2_000],
  );
});
