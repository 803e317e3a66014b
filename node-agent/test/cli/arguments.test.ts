import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settleOptionalValues } from '../../src/cli/arguments.ts';

const lines: readonly (readonly [given: string, settled: string])[] = [
  ['a b', 'a b'],
  ['--verify a b', '--verify=xxhash3 a b'],
  ['--verify blake3 a b', '--verify=blake3 a b'],
  ['--verify xxhash3 a b', '--verify=xxhash3 a b'],
  ['--verify xxh3 a b', '--verify=xxh3 a b'],
  ['--verify sha256 a b', '--verify=sha256 a b'],
  ['--verify xxhash64 a b', '--verify=xxhash64 a b'],
  ['--verify BLAKE3 b', '--verify=xxhash3 BLAKE3 b'],
  ['--verify -p a b', '--verify=xxhash3 -p a b'],
  ['--verify=sha256 a b', '--verify=sha256 a b'],
  ['a b --verify', 'a b --verify=xxhash3'],
  ['a blake3 --verify', 'a blake3 --verify=xxhash3'],
  ['--verify-level source a b', '--verify-level source a b'],
  ['--verify -- blake3 b', '--verify=xxhash3 -- blake3 b'],
  ['-- --verify blake3', '-- --verify blake3'],
  ['--sparse a b', '--sparse=auto a b'],
  ['--sparse always --verify a b', '--sparse=always --verify=xxhash3 a b'],
  ['--sparse never b', '--sparse=never b'],
  ['-- --sparse always', '-- --sparse always'],
];
for (const [given, settled] of lines) {
  test(`smartcopy ${given} is read as ${settled}`, () => assert.deepEqual(settleOptionalValues(given.split(' ')), settled.split(' ')));
}
