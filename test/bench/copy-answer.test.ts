import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCopyAnswer } from './copy-answer.ts';

const progress = { filesDone: 3, bytesDone: 6_000_000, bytesPerSecond: 12_000_000 };

test('the time of the engine is what it says, the ways are those that were taken, and neither what is shared nor a hole is moved', () => {
  const stdout = JSON.stringify({
    phase: 'Complete',
    progress,
    durationSeconds: 0.2345,
    engineUsed: { reflink: 2_000_000, readWrite: 3_000_000, holes: 1_000_000, mmap: 0, notes: [] },
  });
  assert.deepEqual(readCopyAnswer(stdout), {
    filesDone: 3,
    bytesDone: 6_000_000,
    bytesMoved: 3_000_000,
    engineSeconds: 0.2345,
    way: 'reflink 2 MB, readWrite 3 MB, holes 1 MB',
  });
});

test('where no bytes were moved there is a time of the engine all the same', () => {
  const stdout = JSON.stringify({ progress: { filesDone: 0, bytesDone: 0 }, durationSeconds: 0.001, engineUsed: {} });
  assert.deepEqual(readCopyAnswer(stdout), { filesDone: 0, bytesDone: 0, bytesMoved: 0, engineSeconds: 0.001, way: '' });
});

test('the words of another command are no answer of a copy, half a document is an error', () => {
  assert.equal(readCopyAnswer('equal\n'), undefined);
  assert.equal(readCopyAnswer('{"equal": true}\n'), undefined);
  assert.throws(() => readCopyAnswer('{"progress": {}}'));
});
