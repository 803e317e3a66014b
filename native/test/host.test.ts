import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { bootTimeMs, NativeError, tryLock } from '@smartcopy/native';

test('a directory is locked by one descriptor at a time, until that is closed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'smartcopy-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first, second] = [openSync(folder, 'r'), openSync(folder, 'r')];
  assert.deepEqual([tryLock(first), tryLock(second), tryLock(first)], [true, false, true]);
  closeSync(first);
  assert.equal(tryLock(second), true);
  closeSync(second);
});

test('what cannot be locked is an error, not a lock that somebody holds', () => {
  assert.throws(
    () => tryLock(-1),
    (error) => error instanceof NativeError && error.message === 'flock: EBADF',
  );
});

test('the boot clock counts milliseconds since the machine started', async () => {
  const before = bootTimeMs();
  await setTimeout(50);
  const passedMs = bootTimeMs() - before;
  assert.ok(passedMs >= 49 && passedMs < 5_000, `${passedMs} ms`);
  assert.ok(before > performance.now());
});
