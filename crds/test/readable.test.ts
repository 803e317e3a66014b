import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readableBytes, readableCount, readableDuration, readableNumber, readableRate } from '../src/readable.ts';

const sizes: readonly (readonly [bytes: number, text: string])[] = [
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [1024 ** 2, '1.0 MiB'],
  [1.35 * 1024 ** 3, '1.4 GiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
  [2000 * 1024 ** 5, '2000.0 PiB'],
];
for (const [bytes, text] of sizes) test(`${bytes} bytes read ${text}`, () => assert.equal(readableBytes(bytes), text));

const durations: readonly (readonly [seconds: number, text: string])[] = [
  [0, '0s'],
  [0.4, '0s'],
  [59.6, '1m0s'],
  [65, '1m5s'],
  [3_600, '1h0m'],
  [7_384, '2h3m'],
  [90_000, '1d1h'],
  [-1, '0s'],
];
for (const [seconds, text] of durations) test(`${seconds} seconds read ${text}`, () => assert.equal(readableDuration(seconds), text));

test('thousands are set apart', () => {
  const cases: readonly [number, string][] = [
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [-1234, '-1,234'],
    [Number.MAX_SAFE_INTEGER, '9,007,199,254,740,991'],
  ];
  for (const [count, text] of cases) assert.equal(readableNumber(count), text);
});

test('counts name their noun in the right number', () => {
  assert.equal(readableCount(1, 'file'), '1 file');
  assert.equal(readableCount(1234, 'file'), '1,234 files');
  assert.equal(readableCount(1, 'entry', 'entries'), '1 entry');
  assert.equal(readableCount(2, 'entry', 'entries'), '2 entries');
  assert.equal(readableRate(1024 * 1024), '1.0 MiB/s');
});
