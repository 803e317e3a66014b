import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiError, jobDeletedEvent, jobEventsPath, jobStatusEvent } from '../src/index.ts';
import { finishedStatus } from './kinds/transfer-job-status-cases.ts';

const identity = { namespace: 'climate', name: 'run42', uid: 'a7c1f0de-94a1-4f2b-8a52-0d0f6f0f3c11' };

test('events carry which job they are about, and its whole status', () => {
  const event = { ...identity, status: finishedStatus };
  assert.deepEqual(jobStatusEvent.parse({ ...event, newer: 1 }), event);
  assert.deepEqual(jobDeletedEvent.parse({ ...identity, newer: 1 }), identity);
  assert.ok(!jobStatusEvent.safeParse(identity).success);
});

test('an error says which, as a word and as a sentence', () => {
  const error = { code: 'Forbidden', message: 'you may not get transferjobs in climate' } as const;
  assert.deepEqual(apiError.parse(error), error);
  assert.ok(!apiError.safeParse({ ...error, code: 'Teapot' }).success);
});

// People's scripts and pages rely on it.
test('the path of the events of a job', () => assert.equal(jobEventsPath, '/api/namespaces/:namespace/jobs/:name/events'));
