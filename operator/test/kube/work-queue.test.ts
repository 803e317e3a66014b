import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { keyText } from '../../src/kube/resource.ts';
import { WorkQueue, type WorkQueueHooks } from '../../src/kube/work-queue.ts';

const { signal } = new AbortController();
const a = { namespace: 'shop', name: 'a' };
const b = { namespace: 'shop', name: 'b' };

/** A queue whose time is the test's; without jitter. */
function fakeTimeQueue(t: TestContext, hooks: WorkQueueHooks = {}): WorkQueue {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  const clock = { now: () => Date.now(), monotonicMs: () => Date.now() };
  return new WorkQueue({ name: 'test', clock, random: () => 0, hooks });
}

/** What can be taken at once, in order. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.depth > 0) {
    const key = await queue.take(signal);
    taken.push(keyText(key));
    queue.done(key);
  }
  return taken;
}

test('a key waits once however often it is added, and keys keep their order', async () => {
  const queue = new WorkQueue({ name: 'test' });
  for (const key of [a, b, a, { ...a }]) queue.add(key);
  assert.equal(queue.depth, 2);
  assert.deepEqual(await takeAll(queue), ['shop/a', 'shop/b']);
});

test('a key that is worked on waits until that is done, and then once', async () => {
  const queue = new WorkQueue({ name: 'test' });
  queue.add(a);
  const key = await queue.take(signal);
  queue.add(a);
  queue.add(a);
  assert.equal(queue.depth, 0);
  queue.done(key);
  assert.deepEqual(await takeAll(queue), ['shop/a']);
  queue.done(a);
  assert.equal(queue.depth, 0);
});

test('each of several takers gets a key, in the order in which they came', async () => {
  const queue = new WorkQueue({ name: 'test' });
  const takers = [queue.take(signal), queue.take(signal)];
  queue.add(a);
  queue.add(b);
  assert.deepEqual(await Promise.all(takers), [a, b]);
});

test('a taker that gives up leaves its key to another', async () => {
  const queue = new WorkQueue({ name: 'test' });
  const stop = new AbortController();
  const first = queue.take(stop.signal);
  const second = queue.take(signal);
  queue.add(a); // wakes the first one
  stop.abort(new Error('enough'));
  await assert.rejects(first, { message: 'enough' });
  assert.deepEqual(await second, a);
  await assert.rejects(queue.take(stop.signal), { message: 'enough' });
});

test('of several times for one key the earliest holds', async (t) => {
  const queue = fakeTimeQueue(t);
  queue.addAfter(a, 1_000);
  queue.addAfter(a, 500);
  queue.addAfter(a, 2_000);
  t.mock.timers.tick(499);
  assert.equal(queue.depth, 0);
  t.mock.timers.tick(1);
  assert.deepEqual(await takeAll(queue), ['shop/a']);
  t.mock.timers.tick(10_000);
  assert.equal(queue.depth, 0);
  queue.addAfter(a, 0);
  assert.equal(queue.depth, 1);
});

test('a time beyond what a timer can take comes early instead of at once', (t) => {
  const queue = fakeTimeQueue(t);
  queue.addAfter(a, 1e12);
  t.mock.timers.tick(1_000);
  assert.equal(queue.depth, 0);
});

test('a key that fails comes back later each time, up to 30 s, until it is forgotten', (t) => {
  const queue = fakeTimeQueue(t);
  const waits: number[] = [];
  for (let failure = 0; failure < 15; failure += 1) {
    queue.addRateLimited(a);
    let waitMs = 0;
    for (; queue.depth === 0; waitMs += 5) t.mock.timers.tick(5);
    waits.push(waitMs);
    void queue.take(signal);
    queue.done(a);
  }
  assert.deepEqual(waits.slice(0, 4), [5, 10, 20, 40]);
  assert.deepEqual(waits.slice(-2), [30_000, 30_000]);
  queue.forget(a);
  queue.addRateLimited(a);
  t.mock.timers.tick(5);
  assert.equal(queue.depth, 1);
});

test('metrics see additions, retries and how long keys waited', async (t) => {
  const seen: string[] = [];
  const queue = fakeTimeQueue(t, {
    onAdd: (name) => seen.push(`${name} added`),
    onRetry: (name) => seen.push(`${name} retried`),
    onTake: (name, waitMs) => seen.push(`${name} taken after ${waitMs}`),
  });
  queue.add(a);
  queue.add(a);
  t.mock.timers.tick(70);
  const key = await queue.take(signal);
  queue.addRateLimited(key);
  t.mock.timers.tick(10);
  queue.add(key);
  queue.done(key);
  await queue.take(signal);
  assert.deepEqual(seen, ['test added', 'test taken after 70', 'test retried', 'test added', 'test taken after 0']);
});
