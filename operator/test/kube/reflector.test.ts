import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { backoffMs } from '../../src/kube/backoff.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { defaultTiming, Reflector, type WatchEnd } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { type Lamp, lamps, rawLamp } from './objects.ts';
import { type Answer, json, refusal, troubled } from './troubled-server.ts';

// With a server in trouble; test/integration/kube-runtime.test.ts reflects a real one.

interface Reflection {
  readonly store: Store<Lamp>;
  readonly reflector: Reflector<Lamp>;
  readonly reasons: WatchEnd[];
  readonly relists: string[];
  readonly logged: string[];
}

const backoff = { firstMs: 20, maxMs: 80 };

/** Keeps a store until the test ends. */
function reflect(t: TestContext, client: KubeClient): Reflection {
  const store = new Store<Lamp>();
  const reasons: WatchEnd[] = [];
  const relists: string[] = [];
  const logged: string[] = [];
  const message = z.object({ msg: z.string() });
  const log = pino({ level: 'warn' }, { write: (line) => void logged.push(message.parse(JSON.parse(line)).msg) });
  const hooks = {
    onWatchRestart: (_: string, reason: WatchEnd) => void reasons.push(reason),
    onRelist: (plural: string) => void relists.push(plural),
  };
  // No chance: every wait is as long as it can be.
  const reflector = new Reflector({ client, resource: lamps, store, log, hooks, timing: { ...defaultTiming, backoff }, random: () => 0 });
  const stop = new AbortController();
  const running = reflector.run(stop.signal);
  cleanUp(t, async () => {
    stop.abort();
    await running;
  });
  return { store, reflector, reasons, relists, logged };
}

const listed = json(200, { metadata: { resourceVersion: '5' }, items: [rawLamp({ name: 'one' })] });
const forbidden = refusal(403, 'Forbidden');
const open: Answer = (response) => response.writeHead(200).write(' ');

test('a list that fails is tried again, later each time, and a store is not synced before', async (t) => {
  const { client, askedAtMs } = await troubled(t, [forbidden, forbidden, forbidden, forbidden, listed, open]);
  const { store, reflector, logged } = reflect(t, client);
  const madeAtMs = reflector.heardAtMs;
  await eventually('it was asked four times', () => askedAtMs.length === 4);
  assert.deepEqual([store.hasSynced, reflector.heardAtMs], [false, madeAtMs]);
  await store.whenSynced(AbortSignal.timeout(5_000));
  assert.ok(reflector.heardAtMs > madeAtMs);
  const waits = askedAtMs.slice(1, 5).map((atMs, index) => atMs - (askedAtMs[index] ?? 0));
  for (const [index, atLeastMs] of [40, 80, 80, 80].entries()) assert.ok((waits[index] ?? 0) >= atLeastMs - 2, `${waits}`);
  assert.deepEqual(logged, Array(4).fill('list failed'));
});

test('a watch goes on where the last one ended, and bookmarks count', async (t) => {
  const lines = [
    { type: 'ADDED', object: rawLamp({ name: 'two', resourceVersion: '8' }) },
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '13' } } },
  ];
  const short: Answer = (response) => response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { client, asked } = await troubled(t, [listed, short, open]);
  const { store, reasons } = reflect(t, client);
  await eventually('the second watch has begun', () => asked.length === 3);
  assert.match(asked[1] ?? '', /resourceVersion=5&timeoutSeconds=300$/);
  assert.match(asked[2] ?? '', /resourceVersion=13&/);
  assert.deepEqual([store.list().length, reasons], [2, ['Closed']]);
});

test('a watch that comes too late is followed by a list', async (t) => {
  const { client, asked } = await troubled(t, [
    listed,
    refusal(410, 'Expired'),
    json(200, { metadata: { resourceVersion: '9' }, items: [] }),
    open,
  ]);
  const { store, reasons, relists } = reflect(t, client);
  await eventually('it watches again', () => asked.length === 4);
  assert.deepEqual([store.list(), relists.length, reasons], [[], 2, ['Gone']]);
});

test('when watches fail again and again, everything is listed anew', async (t) => {
  const refused = [forbidden, forbidden, forbidden, forbidden, forbidden];
  const { client, asked } = await troubled(t, [listed, ...refused, json(200, { metadata: { resourceVersion: '9' }, items: [] }), open]);
  const { store, reasons, relists, logged } = reflect(t, client);
  await eventually('it watches again', () => asked.length === 8);
  assert.deepEqual([store.list(), relists.length, reasons], [[], 2, Array(5).fill('Refused')]);
  assert.deepEqual(logged, Array(5).fill('watch broke off'));
  assert.match(asked[7] ?? '', /resourceVersion=9&/);
});

test('an event that is none is not passed over', async (t) => {
  const odd: Answer = (response) => response.end('{"type":"ADDED","object":{"metadata":{"resourceVersion":"8"}}}\n');
  const { client, asked } = await troubled(t, [listed, odd, open]);
  const { reasons } = reflect(t, client);
  await eventually('the second watch has begun', () => asked.length === 3);
  assert.deepEqual(reasons, ['Unusable']);
  assert.match(asked[2] ?? '', /resourceVersion=5&/, 'it starts before what could not be read');
});

test('an object that this build cannot read is logged once for each form it has', async (t) => {
  const strange = (resourceVersion: string): object => rawLamp({ name: 'odd', color: 'Mauve', resourceVersion });
  const lines = ['7', '7', '8'].map((resourceVersion) => `${JSON.stringify({ type: 'MODIFIED', object: strange(resourceVersion) })}\n`);
  const list = json(200, { metadata: { resourceVersion: '5' }, items: [strange('3')] });
  const watch: Answer = (response) => response.end(lines.join(''));
  const { client, asked } = await troubled(t, [list, watch, refusal(410, 'Expired'), list, open]);
  const { store, logged } = reflect(t, client);
  await eventually('it watches again', () => asked.length === 5);
  const complaint = 'object cannot be read by this build, what was last read of it stays';
  assert.deepEqual(logged.filter((line) => line === complaint).length, 4);
  assert.equal(store.has({ namespace: 'shop', name: 'odd' }), true);
});

test('an API server that was away for minutes is found within seconds', () => {
  assert.ok(backoffMs(defaultTiming.backoff, 1_000, () => 0) <= 5_000);
});
