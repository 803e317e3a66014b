import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { systemClock } from '../../src/clock.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { EventRecorder, type EventSubject } from '../../src/kube/events.ts';
import { WriteBudget } from '../../src/kube/write-budget.ts';
import { lampOf, rawLamp } from './objects.ts';
import { type Answer, json, refusal, troubled } from './troubled-server.ts';

// With a server in trouble; test/integration/kube-runtime.test.ts writes events to a real one.

const subject: EventSubject = { apiVersion: 'test.example/v1', kind: 'Lamp', metadata: lampOf({ name: 'one' }).metadata };
const started = { type: 'Normal', reason: 'Started', message: 'it glows' } as const;
const ended = { type: 'Normal', reason: 'Ended', message: 'it is dark' } as const;
const busy = refusal(503, 'ServiceUnavailable');

const sentEvent = z.object({ metadata: z.object({ name: z.string() }).optional(), reason: z.string().optional(), count: z.int() });
type SentEvent = z.infer<typeof sentEvent>;

interface Recording {
  readonly recorder: EventRecorder;
  readonly logged: Record<string, unknown>[];
  readonly run: () => () => Promise<void>;
}

function recording(t: TestContext, client: KubeClient): Recording {
  const logged: Record<string, unknown>[] = [];
  const line = z.record(z.string(), z.unknown());
  const log = pino({ level: 'warn' }, { write: (text) => void logged.push(line.parse(JSON.parse(text))) });
  const budget = new WriteBudget(systemClock, { perSecond: 5_000, burstPerSecond: 6_000, burstSeconds: 10 });
  const recorder = new EventRecorder({ client, budget, component: 'test', instance: 'test', log });
  const run = () => {
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
    };
    cleanUp(t, end);
    return end;
  };
  return { recorder, logged, run };
}

/** Takes every event, except where another answer is given first. */
function accepting(sent: SentEvent[], first: Readonly<Record<number, Answer>> = {}): Answer {
  return (response, request, body) => {
    const answer = first[sent.length] ?? json(request.method === 'POST' ? 201 : 200, rawLamp({ name: 'event' }));
    sent.push(sentEvent.parse(JSON.parse(body)));
    answer(response, request, body);
  };
}

test('what happens again before it is written is written once, with its count', async (t) => {
  const sent: SentEvent[] = [];
  const { client } = await troubled(t, [accepting(sent)]);
  const { recorder, run } = recording(t, client);
  for (const event of [started, ended, started, started]) recorder.record(subject, event);
  run();
  await eventually('both are written', () => sent.length === 2);
  assert.deepEqual(
    sent.map(({ reason, count }) => [reason, count]),
    [
      ['Started', 3],
      ['Ended', 1],
    ],
  );
  const [first, second] = sent.map(({ metadata }) => metadata?.name ?? '');
  assert.match(first ?? '', /^one\.[0-9a-f]{16}$/);
  assert.ok((first ?? '') < (second ?? ''), 'their names are in the order of time');
  const atMs = Number(BigInt(`0x${first?.split('.')[1]}`) / 1_000_000n);
  assert.ok(Math.abs(atMs - Date.now()) < 60_000, 'also when another process has written before');
});

test('an event that the API server is too busy for is tried again under its name, and keeps its place', async (t) => {
  const sent: SentEvent[] = [];
  const taken = refusal(409, 'AlreadyExists');
  const { client, asked } = await troubled(t, [accepting(sent, { 0: busy, 1: taken })]);
  const { recorder, logged, run } = recording(t, client);
  recorder.record(subject, started);
  recorder.record(subject, ended);
  run();
  await eventually('both are written', () => sent.length === 3);
  assert.deepEqual(
    sent.map(({ reason }) => reason),
    ['Started', 'Started', 'Ended'],
  );
  assert.equal(sent[0]?.metadata?.name, sent[1]?.metadata?.name, 'so that one whose answer was lost is not written twice');
  recorder.record(subject, started);
  await eventually('it counts up', () => sent.length === 4);
  assert.match(asked[3] ?? '', /^PATCH .*\/events\/one\./);
  assert.equal(sent[3]?.count, 2);
  assert.deepEqual(logged, []);
});

test('an event that happens again while it is written is counted once for each time', async (t) => {
  const sent: SentEvent[] = [];
  const { client } = await troubled(t, [accepting(sent)]);
  const { recorder, run } = recording(t, client);
  run();
  recorder.record(subject, started);
  // The server has it, and its answer is on the way.
  await eventually('it is sent', () => sent.length === 1);
  recorder.record(subject, started);
  await eventually('it is counted up', () => sent.length === 2);
  recorder.record(subject, started);
  await eventually('it is counted up again', () => sent.length === 3);
  assert.deepEqual(
    sent.map(({ count }) => count),
    [1, 2, 3],
  );
});

test('an event that the API server no longer has begins anew', async (t) => {
  const sent: SentEvent[] = [];
  const { client, asked } = await troubled(t, [accepting(sent, { 1: refusal(404, 'NotFound') })]);
  const { recorder, run } = recording(t, client);
  run();
  recorder.record(subject, started);
  await eventually('it is written', () => sent.length === 1);
  recorder.record(subject, started);
  await eventually('it is written again', () => sent.length === 3);
  assert.deepEqual(
    asked.map((line) => line.split(' ')[0]),
    ['POST', 'PATCH', 'POST'],
  );
  assert.deepEqual(
    sent.map(({ count }) => count),
    [1, 2, 1],
  );
});

test('an event that is refused is logged and given up, and the next one goes on', async (t) => {
  const sent: SentEvent[] = [];
  const { client } = await troubled(t, [accepting(sent, { 0: refusal(403, 'Forbidden') })]);
  const { recorder, logged, run } = recording(t, client);
  run();
  recorder.record(subject, started);
  recorder.record(subject, ended);
  await eventually('the next one is written', () => sent.length === 2);
  assert.deepEqual(
    logged.map(({ msg, kind, name, reason }) => [msg, kind, name, reason]),
    [['event could not be written', 'Lamp', 'one', 'Started']],
  );
});

test('of too many events at once the first are kept, and the others counted', async (t) => {
  const sent: SentEvent[] = [];
  const { client } = await troubled(t, [accepting(sent)]);
  const { recorder, logged, run } = recording(t, client);
  for (let index = 0; index < 1_005; index += 1) recorder.record(subject, { ...started, message: `number ${index}` });
  run();
  await eventually('it is logged', () => logged.length > 0);
  assert.equal(sent.length, 1_000);
  assert.deepEqual(
    logged.map(({ droppedCount }) => droppedCount),
    [5],
  );
});

test('stopping writes what is left, but not for ever', async (t) => {
  const sent: SentEvent[] = [];
  const { client } = await troubled(t, [accepting(sent)]);
  const { recorder, run } = recording(t, client);
  const end = run();
  recorder.record(subject, started);
  await end();
  assert.equal(sent.length, 1);

  const dead = await troubled(t, [() => undefined]);
  const { recorder: hopeless, logged, run: runHopeless } = recording(t, dead.client);
  const endHopeless = runHopeless();
  hopeless.record(subject, started);
  hopeless.record(subject, ended);
  const startMs = performance.now();
  await endHopeless();
  assert.ok(performance.now() - startMs < 4_500);
  assert.deepEqual(
    logged.map(({ msg, droppedCount }) => [msg, droppedCount]),
    [['events were not written in time', 2]],
  );
});
