import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeProgress, nothingCounted, percentDone, secondsLeft, type TransferCounts } from '../src/progress.ts';

const countsOf = (given: Partial<TransferCounts>): TransferCounts => ({ ...nothingCounted, ...given });

test('there is no percentage before the totals are final', () => {
  assert.equal(percentDone(countsOf({ bytesTotal: 100, bytesDone: 50, totalsFinal: false })), undefined);
});

const percentages: readonly (readonly [name: string, counts: Partial<TransferCounts>, percent: number])[] = [
  ['rounds down, so that 100 means all', { bytesTotal: 1000, bytesDone: 999 }, 99],
  ['counts what was equal already', { bytesTotal: 1000, bytesDone: 250, bytesUnchanged: 250 }, 50],
  ['is 100 at the end', { bytesTotal: 1000, bytesDone: 1000 }, 100],
  ['never passes 100 when the source grows', { bytesTotal: 1000, bytesDone: 1500 }, 100],
  ['goes by files where there are no bytes', { filesTotal: 4, filesDone: 1, filesUnchanged: 1 }, 50],
  ['is 100 for an empty directory', {}, 100],
  ['stays below 100 when a file failed', { bytesTotal: 1000, bytesDone: 900, filesFailed: 1 }, 90],
  ['stays below 100 when an empty file failed', { bytesTotal: 1000, bytesDone: 1000, filesFailed: 1 }, 99],
  ['stays below 100 when nothing but the directory failed', { filesFailed: 1 }, 99],
];
for (const [name, counts, percent] of percentages) {
  test(`the percentage ${name}`, () => assert.equal(percentDone(countsOf({ totalsFinal: true, ...counts })), percent));
}

test('the time left is unknown while nothing moves or the totals are open', () => {
  assert.equal(secondsLeft(countsOf({ bytesTotal: 100, totalsFinal: false }), 10), undefined);
  assert.equal(secondsLeft(countsOf({ bytesTotal: 100, totalsFinal: true }), 0), undefined);
});

test('the time left is what remains at the present rate', () => {
  assert.equal(secondsLeft(countsOf({ bytesTotal: 100, bytesDone: 20, bytesUnchanged: 30, totalsFinal: true }), 10), 5);
  assert.equal(secondsLeft(countsOf({ bytesTotal: 100, bytesDone: 100, totalsFinal: true }), 10), 0);
});

test('a job under way has a time left and a time of its end, an ended one has neither', () => {
  const moment = {
    counts: countsOf({ bytesTotal: 100, bytesDone: 40, totalsFinal: true }),
    bytesPerSecond: 1,
    atMs: Date.UTC(2026, 0, 31),
  };
  const { summary, estimatedCompletionTime } = describeProgress({ ...moment, isUnderWay: true });
  assert.deepEqual(summary, { progress: '40%', rate: '1 B/s', eta: '1m0s' });
  assert.equal(estimatedCompletionTime, '2026-01-31T00:01:00Z');
  const ended = describeProgress({ ...moment, isUnderWay: false });
  assert.deepEqual(ended.summary, { progress: '40%', rate: '1 B/s' });
  assert.equal(ended.estimatedCompletionTime, undefined);
});

test('an end that no date can name is unknown', () => {
  const counts = countsOf({ bytesTotal: 2 ** 53 - 1, bytesDone: 1, totalsFinal: true });
  assert.equal(describeProgress({ counts, bytesPerSecond: 1, atMs: 0, isUnderWay: true }).estimatedCompletionTime, undefined);
});
