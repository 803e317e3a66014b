import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentDone, secondsLeft } from '../../src/engine/progress.ts';
import { nextRate, startRate } from '../../src/engine/rate.ts';
import { countersOf } from './counters.ts';

test('there is no percentage before the totals are final', () => {
  assert.equal(percentDone(countersOf({ bytesTotal: 100, bytesDone: 50, totalsFinal: false })), undefined);
});

const percentages: readonly (readonly [name: string, counters: Parameters<typeof countersOf>[0], percent: number])[] = [
  ['rounds down, so that 100 means all', { bytesTotal: 1000, bytesDone: 999 }, 99],
  ['counts what was equal already', { bytesTotal: 1000, bytesDone: 250, bytesUnchanged: 250 }, 50],
  ['is 100 at the end', { bytesTotal: 1000, bytesDone: 1000 }, 100],
  ['never passes 100 when the source grows', { bytesTotal: 1000, bytesDone: 1500 }, 100],
  ['goes by files where there are no bytes', { filesTotal: 4, filesDone: 1, filesUnchanged: 1 }, 50],
  ['is 100 for an empty directory', {}, 100],
  ['stays below 100 when a file failed', { bytesTotal: 1000, bytesDone: 900, filesFailed: 1 }, 90],
];
for (const [name, counters, percent] of percentages) {
  test(`the percentage ${name}`, () => assert.equal(percentDone(countersOf({ totalsFinal: true, ...counters })), percent));
}

test('the time left is unknown while nothing moves or the totals are open', () => {
  assert.equal(secondsLeft(countersOf({ bytesTotal: 100, totalsFinal: false }), 10), undefined);
  assert.equal(secondsLeft(countersOf({ bytesTotal: 100, totalsFinal: true }), 0), undefined);
});

test('the time left is what remains at the present rate', () => {
  assert.equal(secondsLeft(countersOf({ bytesTotal: 100, bytesDone: 20, bytesUnchanged: 30, totalsFinal: true }), 10), 5);
  assert.equal(secondsLeft(countersOf({ bytesTotal: 100, bytesDone: 100, totalsFinal: true }), 10), 0);
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
