import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { assignmentReport } from '@smartcopy/crds';
import { pino } from 'pino';
import { eventually } from '../../../test/support/eventually.ts';
import { answerOf, assignmentOf, bytesDone, Node, reportOf, untilState } from './held-copies.ts';

test('an end that cannot be saved is not told, and why is; once it is saved it is told by itself', { timeout: 20_000 }, async (t) => {
  const node = await Node.make(t, { a: Buffer.alloc(64 * 1024), b: Buffer.alloc(64 * 1024) });
  const assignments = await node.start();
  let newsCount = 0;
  assignments.onNews(() => {
    newsCount += 1;
  });
  await assignments.apply(answerOf([assignmentOf()], 64 * 1024), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  // A folder in the place of the temporary file: for root too, nothing can be written there.
  mkdirSync(node.path('state/assignments.json.new'));
  await assert.rejects(assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs()), { code: 'EISDIR' });
  const report = await eventually('its end waits', () => {
    const now = reportOf(assignments);
    return now?.waiting === undefined ? undefined : now;
  });
  assert.deepEqual(assignmentReport.parse(report), report);
  assert.deepEqual([report.state, report.waiting?.reason], ['Running', 'StateNotSaved']);
  assert.match(report.waiting?.message ?? '', /^the agent cannot save how this ended: EISDIR/);
  await setTimeout(300);
  assert.deepEqual([reportOf(assignments)?.state, assignments.hasWork], ['Running', true]);

  const before = newsCount;
  rmSync(node.path('state/assignments.json.new'), { recursive: true });
  const told = await untilState(assignments, 'Succeeded');
  assert.deepEqual([told.waiting, newsCount > before, assignments.hasWork], [undefined, true, false]);
  const [saved] = JSON.parse(readFileSync(node.path('state/assignments.json'), 'utf8')).assignments;
  assert.equal(saved.ended.state, 'Succeeded');
});

test('what was begun three times without an end is begun again only when the operator still wants it', async (t) => {
  const node = await Node.make(t, { a: Buffer.alloc(256 * 1024), b: Buffer.alloc(256 * 1024) });
  const first = await node.load();
  await first.apply(answerOf([assignmentOf()], 1024), node.clock.nowMs());
  await untilState(first, 'Running');
  await first.stop();
  for (const attempt of [2, 3]) {
    const again = await node.start();
    await untilState(again, 'Running');
    await again.stop();
    const [saved] = JSON.parse(readFileSync(node.path('state/assignments.json'), 'utf8')).assignments;
    assert.equal(saved.attempt, attempt);
  }
  const last = await node.start();
  await setTimeout(300);
  assert.equal(reportOf(last)?.state, 'Stopped');
  await last.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  await untilState(last, 'Succeeded');
});

test('jobs that ask for more than the node has get a share, and those beside them too', async (t) => {
  const node = await Node.make(t, { a: Buffer.alloc(256 * 1024) });
  const lines: { readonly msg: string; readonly threadCount?: number; readonly bufferBytes?: number }[] = [];
  const assignments = await node.load({ log: pino({ base: null }, { write: (line) => lines.push(JSON.parse(line)) }) });
  const greedy = [0, 1].map((index) => {
    const destination = { ...assignmentOf().spec.destination, path: `copy-${index}` };
    return assignmentOf({ id: `6f0c3a1e-r1-${index}`, destination, threadCount: 256, bufferBytes: 1024 ** 3 });
  });
  await assignments.apply(answerOf(greedy, 1024), node.clock.nowMs());
  const started = lines.filter(({ msg }) => msg === 'assignment started');
  // Of 64 MiB: half, then half of what is left.
  assert.deepEqual(
    started.map(({ threadCount, bufferBytes }) => [threadCount, bufferBytes]),
    [
      [8, 4 * 1024 ** 2],
      [8, 2 * 1024 ** 2],
    ],
  );
});
