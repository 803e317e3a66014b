import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { defaultWriteRates, WriteBudget, type WriteBudgetHooks, type WritePriority, type WriteRates } from '../../src/kube/write-budget.ts';

const { signal } = new AbortController();

/** A budget whose time is the test's. */
function fakeTimeBudget(t: TestContext, rates: WriteRates = defaultWriteRates, hooks: WriteBudgetHooks = {}): WriteBudget {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  return new WriteBudget({ now: () => Date.now(), monotonicMs: () => Date.now() }, rates, hooks);
}

/** Lets time pass in small steps, so that who was given a turn can ask for the next one. */
async function pass(t: TestContext, ms: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    t.mock.timers.tick(stepMs);
    await setImmediate();
  }
}

test('50 a second for 10 s, then 20 a second for ever', async (t) => {
  const budget = fakeTimeBudget(t);
  const atMs: number[] = [];
  const write = async (): Promise<void> => {
    for (;;) {
      await budget.take('transition', signal);
      atMs.push(Date.now());
    }
  };
  for (let writer = 0; writer < 5; writer += 1) void write();
  await setImmediate();
  assert.equal(atMs.length, 50, 'at once');
  await pass(t, 30_000);
  const upTo = (ms: number): number => atMs.filter((at) => at <= ms).length;
  assert.ok(Math.abs(upTo(10_000) - 500) <= 2, `${upTo(10_000)} in the first 10 s`);
  for (const startMs of [10_000, 15_000, 20_000, 25_000]) {
    const count = upTo(startMs + 5_000) - upTo(startMs);
    assert.ok(Math.abs(count - 100) <= 2, `${count} in the 5 s from ${startMs} ms`);
  }
});

test('what is more urgent goes first, and in order among its like', async (t) => {
  const budget = fakeTimeBudget(t, { perSecond: 10, burstPerSecond: 10.1, burstSeconds: 10 });
  await budget.take('event', signal); // The only one that a burst has.
  const order: string[] = [];
  const ask = (priority: WritePriority, name: string): void => {
    void budget.take(priority, signal).then(() => order.push(name));
  };
  ask('event', 'event');
  ask('transition', 'transition 1');
  ask('start', 'start');
  ask('transition', 'transition 2');
  await pass(t, 100);
  assert.deepEqual(order, ['start']);
  await pass(t, 300);
  assert.deepEqual(order, ['start', 'transition 1', 'transition 2', 'event']);
});

test('one who gives up waiting uses up no turn and holds up nobody', async (t) => {
  const budget = fakeTimeBudget(t, { perSecond: 10, burstPerSecond: 10.1, burstSeconds: 10 });
  await budget.take('event', signal);
  const stop = new AbortController();
  const givenUp = budget.take('start', stop.signal);
  let hasTurn = false;
  const waiting = budget.take('event', signal).then(() => {
    hasTurn = true;
  });
  stop.abort(new Error('enough'));
  await assert.rejects(givenUp, { message: 'enough' });
  await assert.rejects(budget.take('start', stop.signal), { message: 'enough' });
  await pass(t, 90);
  assert.equal(hasTurn, false);
  await pass(t, 10);
  await waiting;
});

test('progress takes what is left over, and is counted when it is put off', async (t) => {
  let deferredCount = 0;
  const budget = fakeTimeBudget(t, defaultWriteRates, { onDeferred: () => (deferredCount += 1) });
  let takenCount = 0;
  while (budget.tryTake()) takenCount += 1;
  assert.deepEqual([takenCount, deferredCount], [25, 1], 'half of a burst');
  let isGranted = 0;
  for (let write = 0; write < 25; write += 1) void budget.take('start', signal).then(() => (isGranted += 1));
  await setImmediate();
  assert.equal(isGranted, 25, 'the other half is there for what cannot wait');
  void budget.take('event', signal);
  await pass(t, 10);
  assert.equal(budget.tryTake(), false, 'somebody waits');
  await pass(t, 2_000);
  assert.equal(budget.tryTake(), true);
});
