import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../test/support/chance.ts';
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

test('what is read of any duration is the duration, to its second largest part', (t) => {
  const chance = chanceFor(t);
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
  for (let round = 0; round < 10_000; round += 1) {
    const seconds = chance.fraction() * 2 ** chance.index(40);
    const parts = [...readableDuration(seconds).matchAll(/(\d+)([smhd])/g)].map(([, number, unit = '']) => ({
      number: Number(number),
      unit,
    }));
    assert.equal(parts.map(({ number, unit }) => `${number}${unit}`).join(''), readableDuration(seconds));
    const shown = parts.reduce((sum, { number, unit }) => sum + number * (units[unit] ?? Number.NaN), 0);
    const leastUnit = units[parts.at(-1)?.unit ?? ''] ?? Number.NaN;
    assert.ok(
      Math.round(seconds) - shown >= 0 && Math.round(seconds) - shown < leastUnit,
      `${seconds} s read ${readableDuration(seconds)}`,
    );
  }
});

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
