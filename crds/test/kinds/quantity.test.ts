import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantityToBytes } from '../../src/index.ts';

// What resource.MustParse(text).Value() of k8s.io/apimachinery answers.
const sizes: readonly (readonly [string | number, number])[] = [
  ['0', 0],
  ['1', 1],
  [4096, 4096],
  ['007', 7],
  ['5.', 5],
  ['.5k', 500],
  ['1k', 1e3],
  ['1M', 1e6],
  ['1G', 1e9],
  ['1T', 1e12],
  ['1P', 1e15],
  ['1E', 1e18],
  ['1Ki', 2 ** 10],
  ['1Mi', 2 ** 20],
  ['1Gi', 2 ** 30],
  ['1Ti', 2 ** 40],
  ['1Pi', 2 ** 50],
  ['1Ei', 2 ** 60],
  ['8Pi', 2 ** 53],
  ['1e6', 1e6],
  ['1E6', 1e6],
  ['1e+6', 1e6],
  ['1.5e3', 1500],
  ['1500e-3', 2],
  ['1.5Gi', 1_610_612_736],
  ['0.1', 1],
  ['4095.5', 4096],
  ['1.0000000001', 2],
  ['0.0001Ki', 1],
  // Exact where floating point is not: 0.1 * 3 would be a little more than 0.3.
  ['0.3k', 300],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['1e-99', 1],
];

for (const [text, bytes] of sizes) {
  test(`the quantity ${JSON.stringify(text)} is ${bytes} bytes`, () => {
    assert.equal(quantityToBytes(text), bytes);
  });
}

const noSizes = [
  '',
  '.',
  'k',
  '-1',
  '+1',
  '1m',
  '1u',
  '1n',
  '1K',
  '1ki',
  '1KI',
  '1e',
  '1e100',
  '1e1.5',
  '1 k',
  ' 1',
  '1\n',
  '1.2.3',
  '0x10',
];

for (const text of [...noSizes, '1MB', '1_000', '1,5G', 'NaN', 'Infinity', '١', -1, 1.5e300, Number.NaN]) {
  test(`${JSON.stringify(String(text))} is no quantity of bytes`, () => {
    assert.throws(() => quantityToBytes(text), { name: 'RangeError', message: /is not a quantity of bytes/ });
  });
}
