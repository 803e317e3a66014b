import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressBar, progressText } from '../../src/cli/progress-line.ts';
import { countersOf } from '../engine/counters.ts';

const MiB = 1024 ** 2;
const half = {
  counters: countersOf({ bytesTotal: 200 * MiB, bytesDone: 100 * MiB, filesTotal: 1_234, filesDone: 617, totalsFinal: true }),
  bytesPerSecond: 10 * MiB,
};
const scanning = { counters: countersOf({ bytesTotal: 30 * MiB, bytesDone: 10 * MiB, filesTotal: 5, filesDone: 2 }), bytesPerSecond: MiB };

test('a wide terminal sees a bar with percent, bytes, rate, time left and files', () => {
  assert.equal(
    progressBar(half, 120),
    ` 50% [====================>                   ]  100.0 MiB of 200.0 MiB  10.0 MiB/s  ETA 10s  617 of 1,234 files`,
  );
});

test('before the totals are final no percentage is claimed', () => {
  assert.match(progressBar(scanning, 120), /^scan \[>\s+\] {2}10\.0 MiB of 30\.0 MiB .* ETA unknown/);
});

test('a narrow terminal keeps the figures and loses the bar, and no line is too long', () => {
  assert.equal(progressBar(half, 80), ` 50%  100.0 MiB of 200.0 MiB  10.0 MiB/s  ETA 10s  617 of 1,234 files`);
  for (let columns = 1; columns <= 200; columns += 1) assert.ok(progressBar(half, columns).length <= Math.max(0, columns - 3));
});

test('a log gets the same as a sentence', () => {
  assert.equal(progressText(half), '50%, 100.0 MiB of 200.0 MiB, 10.0 MiB/s, ETA 10s, 617 of 1,234 files');
});

test('when all bytes are there but the transfer goes on, that is said', () => {
  const counters = countersOf({ bytesTotal: 5, bytesDone: 5, filesTotal: 2, filesDone: 1, filesFailed: 1, totalsFinal: true });
  assert.equal(progressText({ counters, bytesPerSecond: 0 }), '99%, 5 B of 5 B, 0 B/s, finishing, 1 of 2 files, 1 failed');
});
