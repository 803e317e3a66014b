import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../../test/support/chance.ts';
import { oneOf, textNear } from '../../../test/support/made-text.ts';
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

test('any text is a whole number of bytes from 0 up, or refused', (t) => {
  const chance = chanceFor(t);
  const examples = [...sizes.map(([text]) => String(text)), ...noSizes];
  let takenCount = 0;
  for (let round = 0; round < 10_000; round += 1) {
    const text = textNear(chance, examples).slice(0, 32); // as long as the schema takes
    try {
      const bytes = quantityToBytes(text);
      // 1e99 is a quantity, and far beyond every field's bounds.
      assert.ok(Number.isInteger(bytes) && bytes >= 0, `${JSON.stringify(text)} is ${bytes}`);
      takenCount += 1;
    } catch (error) {
      assert.ok(error instanceof RangeError && error.message.includes('is not a quantity of bytes'), `${JSON.stringify(text)}: ${error}`);
    }
  }
  assert.ok(takenCount > 2_000, `only ${takenCount} were quantities`);
});

test('a number of bytes is itself in every notation that can hold it', (t) => {
  const chance = chanceFor(t);
  const suffixes = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, e3: 1e3, 'E+6': 1e6 };
  for (let round = 0; round < 5_000; round += 1) {
    const [suffix, factor] = oneOf(chance, Object.entries(suffixes));
    const count = chance.index(2 ** 53 / factor);
    assert.equal(quantityToBytes(`${count}${suffix}`), count * factor);
    assert.equal(quantityToBytes(`${'0'.repeat(chance.index(5))}${count}.${'0'.repeat(chance.index(5))}${suffix}`), count * factor);
  }
});
