import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../../test/support/chance.ts';
import { oneOf, textNear } from '../../../test/support/made-text.ts';
import { parseSize } from '../../src/cli/sizes.ts';

const sizes: readonly (readonly [text: string, bytes: number | undefined])[] = [
  ['0', 0],
  ['4096', 4096],
  ['64K', 65_536],
  ['64k', 65_536],
  ['4M', 4_194_304],
  ['1G', 1_073_741_824],
  ['2T', 2_199_023_255_552],
  ['1.5M', 1_572_864],
  ['0.5K', 512],
  ['', undefined],
  ['K', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['1KB', undefined],
  ['1Ki', undefined],
  [' 1K', undefined],
  ['1 K', undefined],
  ['.5K', undefined],
  ['0x10', undefined],
  ['9007199254740993', undefined],
  ['99999999999G', undefined],
];
for (const [text, bytes] of sizes) {
  test(`'${text}' is ${bytes === undefined ? 'no size' : `${bytes} bytes`}`, () => assert.equal(parseSize(text), bytes));
}

test('any text is a whole number of bytes that is exact, or no size', (t) => {
  const chance = chanceFor(t);
  const examples = sizes.map(([text]) => text);
  let takenCount = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = textNear(chance, examples);
    const bytes = parseSize(text);
    assert.ok(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0), `${JSON.stringify(text)} is ${bytes}`);
    if (bytes !== undefined) takenCount += 1;
  }
  assert.ok(takenCount > 2_000, `only ${takenCount} were sizes`);
});

test('a number of bytes is itself with every unit, in either case', (t) => {
  const chance = chanceFor(t);
  const factors = { '': 1, k: 2 ** 10, K: 2 ** 10, m: 2 ** 20, M: 2 ** 20, g: 2 ** 30, G: 2 ** 30, t: 2 ** 40, T: 2 ** 40 };
  for (let round = 0; round < 5_000; round += 1) {
    const [unit, factor] = oneOf(chance, Object.entries(factors));
    const count = chance.index(2 ** 53 / factor);
    assert.equal(parseSize(`${count}${unit}`), count * factor);
  }
});
