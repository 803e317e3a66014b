import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine } from '../src/one-line.ts';

const cases: readonly (readonly [string, string, number, string])[] = [
  ['a short text', 'as it is', 64, 'as it is'],
  ['a text that just fits', 'abc', 3, 'abc'],
  ['a long text', 'abcdef', 5, 'ab…'],
  ['a character of three bytes that does not fit', '語語語', 8, '語…'],
  ['a character of four bytes that is cut', 'a😀😀', 7, 'a…'],
  ['lines and colours', 'a\nb\u001b[31m\u2028c', 64, 'a b [31m c'],
  ['directions', 'a\u202eb', 64, 'a b'],
  ['half of a surrogate pair', 'a\ud800', 64, 'a\ufffd'],
];

for (const [name, text, maxBytes, expected] of cases) {
  test(`a message holds ${name}`, () => {
    assert.equal(oneLine(text, maxBytes), expected);
  });
}
