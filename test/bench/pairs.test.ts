import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abba, median, pairedRatio } from './pairs.ts';

test('the ratio of pairs is the median of their ratios, not the ratio of medians', () => {
  const pairs = [
    { ours: 1, peer: 4 },
    { ours: 10, peer: 20 },
    { ours: 2, peer: 2 },
  ];
  assert.deepEqual(pairedRatio(pairs), { median: 2, lowest: 1, highest: 4 });
});

test('the median of an even number of values lies between the middle two', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.throws(() => median([]), RangeError);
});

test('the order of pairs alternates', () => {
  assert.deepEqual(abba(3), [true, false, true]);
});
