import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '@smartcopy/native';
import { FailureSummary } from '../../src/engine/failure-summary.ts';

const denied: Failure = {
  reason: 'PermissionDenied',
  errno: 'EACCES',
  syscall: 'openat',
  side: 'source',
  path: Buffer.from('a'),
  refused: false,
};

test('failures of one kind are one group: the first path and their number', () => {
  const summary = new FailureSummary();
  summary.add([denied, { ...denied, path: Buffer.from('b') }]);
  summary.add([{ ...denied, path: Buffer.from('c') }]);
  assert.equal(summary.failureCount, 3);
  assert.deepEqual(summary.groups, [
    { reason: 'PermissionDenied', side: 'source', path: 'a', errno: 'EACCES', syscall: 'openat', count: 3 },
  ]);
});

test('another call, error or side is another kind', () => {
  const summary = new FailureSummary();
  summary.add([denied, { ...denied, side: 'destination' }, { ...denied, errno: 'EPERM' }, { ...denied, syscall: 'fchown' }]);
  assert.deepEqual(
    summary.groups.map((group) => group.count),
    [1, 1, 1, 1],
  );
});

test('what is never copied is no failure', () => {
  const summary = new FailureSummary();
  summary.add([{ reason: 'SpecialFile', side: 'source', path: Buffer.from('fifo'), refused: true }]);
  assert.equal(summary.failureCount, 0);
  assert.deepEqual(summary.groups, []);
  assert.equal(summary.last, undefined);
});

test('ten kinds are kept, every failure is counted, and the last one is known', () => {
  const summary = new FailureSummary();
  for (let index = 0; index < 15; index += 1) summary.add([{ ...denied, syscall: `call${index}`, path: Buffer.from(`${index}`) }]);
  assert.equal(summary.groups.length, 10);
  assert.equal(summary.groups[0]?.path, '0');
  assert.equal(summary.failureCount, 15);
  assert.equal(summary.last?.path, '14');
});

test('files that differed when they were read back are counted apart', () => {
  const summary = new FailureSummary();
  const mismatch: Failure = { reason: 'VerifyMismatch', side: 'destination', path: Buffer.from('a'), refused: false };
  summary.add([denied, mismatch, mismatch]);
  assert.equal(summary.mismatchCount, 2);
  assert.equal(summary.intoItselfCount, 0);
});

test('directories that would have been copied into themselves are counted apart, also beyond the ten kinds that are kept', () => {
  const summary = new FailureSummary();
  for (let index = 0; index < 15; index += 1) summary.add([{ ...denied, syscall: `call${index}` }]);
  summary.add([{ reason: 'DestinationInsideSource', side: 'source', path: Buffer.from('a'), refused: false }]);
  assert.equal(summary.intoItselfCount, 1);
});

test('a long name that is no UTF-8 keeps the bytes of its beginning', () => {
  const summary = new FailureSummary();
  summary.add([{ ...denied, path: Buffer.alloc(1_000, 0xff) }]);
  assert.equal(summary.groups[0]?.pathHex, 'ff'.repeat(256));
});

test('a name that is no UTF-8 keeps its bytes, a long one its ends', () => {
  const summary = new FailureSummary();
  summary.add([
    { ...denied, path: Buffer.from([0x61, 0xff]) },
    { ...denied, side: 'destination', path: Buffer.from(`start${'x'.repeat(4000)}end`) },
  ]);
  assert.equal(summary.groups[0]?.path, 'a\\xff');
  assert.equal(summary.groups[0]?.pathHex, '61ff');
  assert.equal(summary.groups[1]?.path.length, 256);
  assert.equal(summary.groups[1]?.pathHex, undefined);
});
