import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { backoffMs } from '../../src/kube/backoff.ts';
import { DeadlinePassed, pause, unlessAborted, withDeadline } from '../../src/kube/waiting.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

test('waiting grows, is bounded, and differs by chance', () => {
  const range = { firstMs: 5, maxMs: 30_000 };
  const full = [1, 2, 3, 13, 14, 5_000].map((failureCount) => backoffMs(range, failureCount, () => 0));
  assert.deepEqual(full, [5, 10, 20, 20_480, 30_000, 30_000]);
  assert.equal(
    backoffMs(range, 14, () => 0.5),
    22_500,
  );
});

test('a deadline aborts, and names itself with what came of it as the cause', async () => {
  const { signal } = new AbortController();
  await assert.rejects(
    withDeadline(20, signal, async (limited) => {
      await untilAborted(limited).catch(() => undefined);
      throw new Error('gave up');
    }),
    (error) => error instanceof DeadlinePassed && error.message === 'not done within 0.02 s' && error.cause instanceof Error,
  );
  assert.equal(await withDeadline(20, signal, async () => 'done'), 'done');
  await assert.rejects(
    withDeadline(20, signal, () => Promise.reject(new Error('its own'))),
    { message: 'its own' },
  );
});

test('whatever waits ends with its signal, and leaves no listener on it', async () => {
  const stop = new AbortController();
  const waits = [
    pause(60_000, stop.signal),
    withDeadline(60_000, stop.signal, untilAborted),
    unlessAborted(new Promise(() => undefined), stop.signal),
  ];
  await pause(1, stop.signal);
  await unlessAborted(Promise.resolve(), stop.signal);
  await withDeadline(60_000, stop.signal, async () => undefined);
  assert.equal(getEventListeners(stop.signal, 'abort').length, waits.length);
  stop.abort(new Error('enough'));
  for (const wait of waits) await assert.rejects(wait, { message: 'enough' });
  await assert.rejects(pause(1, stop.signal), { message: 'enough' });
  await assert.rejects(unlessAborted(Promise.resolve(), stop.signal), { message: 'enough' });
  await assert.rejects(
    withDeadline(1, stop.signal, async () => undefined),
    { message: 'enough' },
  );
});
