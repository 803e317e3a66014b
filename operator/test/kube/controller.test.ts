import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { eventually } from '../../../test/support/eventually.ts';
import { systemClock } from '../../src/clock.ts';
import { KubeApiError, KubeUnreachableError } from '../../src/kube/api-error.ts';
import { done, later, type Reconcile, type ReconcileResult, runController, TerminalError } from '../../src/kube/controller.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';

const a = { namespace: 'shop', name: 'a' };
const b = { namespace: 'shop', name: 'b' };
const logLine = z.object({ level: z.number(), msg: z.string(), key: z.string(), controller: z.literal('lamps') });

interface Bench {
  readonly queue: WorkQueue;
  readonly results: ReconcileResult[];
  readonly logged: z.infer<typeof logLine>[];
  readonly stop: () => Promise<void>;
}

/** Runs a controller until the test ends. */
function bench(t: TestContext, reconcile: Reconcile, { concurrency = 1, timeoutMs = 10_000, clock = systemClock } = {}): Bench {
  const queue = new WorkQueue({ name: 'lamps' });
  const results: ReconcileResult[] = [];
  const logged: Bench['logged'] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void logged.push(logLine.parse(JSON.parse(line))) });
  const hooks = { onReconcile: ({ result }: { readonly result: ReconcileResult }) => void results.push(result) };
  const stopping = new AbortController();
  const running = runController({ name: 'lamps', queue, reconcile, concurrency, timeoutMs, log, hooks, clock }, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('the process ends'));
    await running;
  };
  t.after(stop);
  return { queue, results, logged, stop };
}

test('what succeeds is done, what wants to be looked at later is', async (t) => {
  const outcomes = [later(10), done];
  const { queue, results } = bench(t, async () => outcomes.shift() ?? done);
  queue.add(a);
  await eventually('it has run twice', () => results.length === 2);
  assert.deepEqual(results, ['Later', 'Done']);
});

test('what fails is logged and tried again until it succeeds', async (t) => {
  let runCount = 0;
  const { queue, results, logged } = bench(t, async () => {
    runCount += 1;
    if (runCount < 3) throw new Error('not yet');
    return done;
  });
  queue.add(a);
  await eventually('it has succeeded', () => results.includes('Done'));
  assert.deepEqual(results, ['Failed', 'Failed', 'Done']);
  assert.deepEqual(
    logged.map(({ level, msg, key }) => [level, msg, key]),
    [
      [50, 'reconciliation failed', 'shop/a'],
      [50, 'reconciliation failed', 'shop/a'],
    ],
  );
});

test('a conflict is tried again, and is no error', async (t) => {
  const question = { verb: 'update', resource: 'lamps', object: 'shop/a' };
  const errors = [new KubeApiError(question, { status: 409, reason: 'Conflict', message: 'the object has been modified' })];
  const { queue, results, logged } = bench(t, async () => {
    const error = errors.pop();
    if (error !== undefined) throw error;
    return done;
  });
  queue.add(a);
  await eventually('it has succeeded', () => results.includes('Done'));
  assert.deepEqual(results, ['Conflict', 'Done']);
  assert.deepEqual(
    logged.map(({ level }) => level),
    [20],
  );
});

test('what somebody must mend is logged once and not tried again by itself', async (t) => {
  const { queue, results, logged } = bench(t, async ({ name }) => {
    if (name === 'a') throw new TerminalError('no such root');
    return later(20);
  });
  queue.add(a);
  queue.add(b);
  await eventually('the other one has come back a few times', () => results.length > 5);
  assert.deepEqual(
    results.filter((result) => result !== 'Later'),
    ['Terminal'],
  );
  assert.deepEqual(
    logged.map(({ level, key }) => [level, key]),
    [[40, 'shop/a']],
  );
  queue.add(a);
  await eventually('a change makes it run again', () => results.filter((result) => result === 'Terminal').length === 2);
});

test('one key never runs twice at once, several keys do', async (t) => {
  const running = new Map<string, number>();
  let most = 0;
  let mostOfOne = 0;
  let runCount = 0;
  const reconcile: Reconcile = async ({ name }, signal) => {
    running.set(name, (running.get(name) ?? 0) + 1);
    most = Math.max(
      most,
      [...running.values()].reduce((sum, count) => sum + count, 0),
    );
    mostOfOne = Math.max(mostOfOne, running.get(name) ?? 0);
    if (runCount < 50) queue.add({ namespace: 'shop', name });
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal.throwIfAborted();
    running.set(name, (running.get(name) ?? 0) - 1);
    runCount += 1;
    return done;
  };
  const { queue } = bench(t, reconcile, { concurrency: 3 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) queue.add({ namespace: 'shop', name });
  await eventually('many have run', () => runCount >= 50 && queue.depth === 0);
  assert.deepEqual([most, mostOfOne], [3, 1]);
});

test('a reconciliation that takes too long is told to stop, and is tried again', async (t) => {
  let runCount = 0;
  const reconcile: Reconcile = (_key, signal) => {
    runCount += 1;
    if (runCount > 1) return Promise.resolve(done);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  const { queue, results } = bench(t, reconcile, { timeoutMs: 20 });
  queue.add(a);
  await eventually('it has succeeded', () => results.includes('Done'));
  assert.deepEqual(results, ['Failed', 'Done']);
});

test('stopping aborts what is under way, waits for it, and counts it as no failure', async (t) => {
  let hasEnded = false;
  const reconcile: Reconcile = (_key, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        setTimeout(() => {
          hasEnded = true;
          reject(signal.reason);
        }, 20);
      });
    });
  const { queue, results, logged, stop } = bench(t, reconcile, { concurrency: 2 });
  queue.add(a);
  await eventually('it is under way', () => queue.depth === 0);
  await stop();
  assert.deepEqual([hasEnded, results, logged], [true, ['Stopped'], []]);
});

test('that the API server is away is an error once a minute, not once for every object and attempt', async (t) => {
  const clock = { now: () => 0, monotonicMs: () => nowMs };
  let nowMs = 5_000_000;
  let isOther = false;
  const away = new KubeUnreachableError(
    { verb: 'update', resource: 'lamps', object: 'shop/a' },
    { timedOut: false, message: 'ECONNREFUSED', cause: undefined },
  );
  const reconcile: Reconcile = async () => {
    throw isOther ? new Error('something else') : away;
  };
  const { queue, results, logged } = bench(t, reconcile, { concurrency: 2, clock });
  const levels = () => logged.map(({ level }) => level);
  queue.add(a);
  queue.add(b);
  await eventually('both have failed a few times', () => results.length >= 6);
  assert.deepEqual(levels(), [50, ...Array(logged.length - 1).fill(20)]);
  const before = logged.length;
  nowMs += 60_000;
  await eventually('both have failed again', () => logged.length >= before + 4);
  assert.equal(levels().filter((level) => level === 50).length, 2);
  isOther = true;
  await eventually('everything else is an error every time', () => levels().filter((level) => level === 50).length >= 5);
});
