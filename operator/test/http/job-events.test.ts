import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobStatusEvent } from '@smartcopy/crds';
import { type JobEvent, watchJob } from '../../src/http/job-events.ts';

const running: JobStatusEvent = { namespace: 'climate', name: 'run42', uid: 'a', status: { phase: 'Running' } };
const complete: JobStatusEvent = { ...running, status: { phase: 'Complete' } };

/** Gives one look after the other, the last one for ever. */
function looks(...seen: readonly (JobStatusEvent | undefined)[]): () => JobStatusEvent | undefined {
  let index = 0;
  return () => seen[Math.min(index++, seen.length - 1)];
}

async function allOf(events: AsyncGenerator<JobEvent>): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test('a job is told at once, then when it has changed, and its end ends the stream', { timeout: 20_000 }, async () => {
  const look = looks(running, running, running, complete, undefined);
  const events = await allOf(watchJob(look, new AbortController().signal));
  assert.deepEqual(events, [
    { event: 'status', data: running },
    { event: 'status', data: complete },
    { event: 'deleted', data: { namespace: 'climate', name: 'run42', uid: 'a' } },
  ]);
});

test('another job of the same name is not the one that was asked for', async () => {
  const look = looks(running, { ...running, uid: 'b' });
  const events = await allOf(watchJob(look, new AbortController().signal));
  assert.deepEqual(
    events.map(({ event, data }) => [event, data.uid]),
    [['deleted', 'a']],
  );
});

test('an aborted stream ends without a word', { timeout: 20_000 }, async () => {
  const end = new AbortController();
  const events = watchJob(() => running, end.signal);
  assert.equal((await events.next()).done, false);
  const next = events.next();
  end.abort();
  assert.equal((await next).done, true);
});
