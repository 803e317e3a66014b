import assert from 'node:assert/strict';
import { test } from 'node:test';
import { movedBytes, nextRate, startRate } from '../../src/engine/rate.ts';

test('what is shared or a hole is not moved, also where counters were read between the two', () => {
  assert.equal(movedBytes({ bytesDone: 100, reflinkBytes: 30, holeBytes: 20 }), 50);
  assert.equal(movedBytes({ bytesDone: 100, reflinkBytes: 90, holeBytes: 20 }), 0);
});

test('a steady rate is known from the first sample on', () => {
  let rate = startRate(0, 0);
  for (let atMs = 100; atMs <= 20_000; atMs += 100) {
    rate = nextRate(rate, atMs, atMs * 5);
    assert.ok(Math.abs(rate.bytesPerSecond - 5_000) < 1e-6);
  }
});

test('a stall shows within seconds, and a burst does not take over at once', () => {
  let rate = startRate(0, 0);
  for (let atMs = 100; atMs <= 30_000; atMs += 100) rate = nextRate(rate, atMs, atMs);
  const burst = nextRate(rate, 30_100, 30_000 + 10_000);
  assert.ok(burst.bytesPerSecond > 1_000 && burst.bytesPerSecond < 4_000, `${burst.bytesPerSecond}`);
  let stalled = rate;
  for (let atMs = 30_100; atMs <= 45_000; atMs += 100) stalled = nextRate(stalled, atMs, 30_000);
  assert.ok(stalled.bytesPerSecond < 60, `${stalled.bytesPerSecond}`);
});

test('a clock that stands still changes nothing', () => {
  const rate = nextRate(startRate(0, 0), 1_000, 1_000);
  assert.equal(nextRate(rate, 1_000, 2_000), rate);
});

test('bytes that are taken back, of a file that failed in the end, are no movement backwards', () => {
  const moving = nextRate(startRate(0, 0), 1_000, 1_000);
  const takenBack = nextRate(moving, 2_000, 0);
  assert.ok(takenBack.bytesPerSecond > 0 && takenBack.bytesPerSecond < moving.bytesPerSecond);
});
