import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameTemporaries } from '../../src/engine/temporaries.ts';

const start = Date.parse('2026-03-01T12:00:00.900Z');

test('the same work gets the same number, other work another', () => {
  const name = (...parts: readonly string[]): number =>
    nameTemporaries(
      parts.map((part) => Buffer.from(part)),
      start,
    ).job;
  assert.equal(name('cli', '/a', '/b'), name('cli', '/a', '/b'));
  assert.notEqual(name('cli', '/a', '/b'), name('cli', '/b', '/a'));
  assert.notEqual(name('cli', '/a', '/b'), name('cli', '/a/b', ''));
});

test('both numbers have 32 bits, the epoch being the second of the start', () => {
  const { job, epoch } = nameTemporaries([Buffer.from('x')], start);
  assert.ok(Number.isInteger(job) && job >= 0 && job < 2 ** 32);
  assert.equal(epoch, Math.floor(start / 1000));
  assert.equal(nameTemporaries([Buffer.from('x')], 2 ** 33 * 1000 + 5_000).epoch, 5);
});
