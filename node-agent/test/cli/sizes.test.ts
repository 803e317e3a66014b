import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSize } from '../../src/cli/sizes.ts';

const sizes: readonly (readonly [text: string, bytes: number | undefined])[] = [
  ['0', 0],
  ['4096', 4096],
  ['64K', 65_536],
  ['64k', 65_536],
  ['4M', 4_194_304],
  ['1G', 1_073_741_824],
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
