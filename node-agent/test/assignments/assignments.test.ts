import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { assignmentReport } from '@smartcopy/crds';
import { eventually } from '../../../test/support/eventually.ts';
import { plantTree } from '../../../test/support/tree.ts';
import { answerOf, assignmentOf, bytesDone, leaseMs, Node, reportOf, shard, untilState } from './held-copies.ts';

const KiB = 1024;
/** Twenty files: under a limit of 64 KiB a second they take five seconds, each a quarter of one. */
const twentyFiles = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`file-${index}`, Buffer.alloc(16 * KiB, index)]));
const slow = 64 * KiB;

test('an assignment is carried out and reported as the contract says, until it is withdrawn', async (t) => {
  const node = await Node.make(t, { 'a.txt': 'content', folder: { b: 'more' } });
  const assignments = await node.load();
  const verify = { algorithm: 'BLAKE3', level: 'Readback' } as const;
  await assignments.apply(answerOf([assignmentOf({ verify })]), node.clock.nowMs());

  const report = await untilState(assignments, 'Succeeded');
  assert.deepEqual(assignmentReport.parse(report), report);
  assert.equal(readFileSync(node.path('archive/copy/folder/b'), 'utf8'), 'more');
  assert.deepEqual([report.outcome?.reason, report.outcome?.verified?.status], ['Succeeded', 'True']);
  assert.deepEqual([report.progress?.filesDone, report.progress?.bytesVerified, report.progress?.percent], [2, 11, 100]);
  assert.equal(report.engineUsed?.readWrite, 11);
  node.clock.pass(5_000);
  assert.deepEqual([reportOf(assignments)?.startedForMs, reportOf(assignments)?.firstByteForMs], [5_000, 5_000]);
  assert.equal(assignments.hasWork, false);

  await assignments.apply(answerOf([]), node.clock.nowMs());
  assert.deepEqual(assignments.reports(), []);
});

test('missing directories of a destination are made, below what the policy opens', async (t) => {
  const node = await Node.make(t, { run42: { a: '1' } });
  const assignments = await node.load();
  const source = { alias: 'data', hostPath: '/mnt/data', subPath: '', path: 'run42', crossMounts: false };
  const destination = { alias: 'archive', hostPath: '/mnt/archive', subPath: 'tenants/climate', path: 'deep/run42', crossMounts: false };
  await assignments.apply(answerOf([assignmentOf({ source, destination })]), node.clock.nowMs());
  await untilState(assignments, 'Succeeded');
  assert.equal(readFileSync(node.path('archive/tenants/climate/deep/run42/a'), 'utf8'), '1');
});

test('the same set again changes nothing', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.load();
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  const before = reportOf(assignments)?.startedForMs;
  node.clock.pass(1_000);
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  assert.deepEqual([reportOf(assignments)?.state, reportOf(assignments)?.startedForMs], ['Running', (before ?? 0) + 1_000]);
});

test('what is withdrawn stops, and comes back under names that were never used', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.load();
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  await assignments.apply(answerOf([]), node.clock.nowMs());
  await eventually('it is gone', () => reportOf(assignments) === undefined);
  const kept = readdirSync(node.path('archive/copy')).length;
  assert.ok(kept < 20);

  const departures = JSON.parse(readFileSync(node.path('state/assignments.json'), 'utf8')).departures;
  assert.deepEqual(
    departures.map(({ id, attempt }: { id: string; attempt: number }) => [id, attempt]),
    [[shard, 1]],
  );
  await assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  const { progress } = await untilState(assignments, 'Succeeded');
  assert.equal(progress?.filesUnchanged, kept);
  const [again] = JSON.parse(readFileSync(node.path('state/assignments.json'), 'utf8')).assignments;
  assert.equal(again.attempt, 2);
});

test('a changed assignment stops in its old form, and is begun in its new one', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.load();
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  const elsewhere = { ...assignmentOf().spec.destination, path: 'elsewhere' };
  await assignments.apply(answerOf([assignmentOf({ epoch: 2, destination: elsewhere })]), node.clock.nowMs());
  const report = await untilState(assignments, 'Succeeded');
  assert.equal(report.epoch, 2);
  assert.equal(readdirSync(node.path('archive/elsewhere')).length, 20);
  assert.ok(readdirSync(node.path('archive/copy')).length < 20);
});

test('when a lease runs out bytes stop within a second, and a new lease goes on', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.start();
  await assignments.apply(answerOf([assignmentOf()], slow, leaseMs), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  node.clock.pass(leaseMs - 1);
  await setTimeout(500);
  assert.equal(reportOf(assignments)?.state, 'Running');

  node.clock.pass(1);
  const passedAt = performance.now();
  await untilState(assignments, 'Stopped');
  assert.ok(performance.now() - passedAt < 1_000);
  const names = readdirSync(node.path('archive/copy'));
  await setTimeout(500);
  assert.deepEqual(readdirSync(node.path('archive/copy')), names);
  assert.ok(names.length < 20);

  await assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  assert.equal((await untilState(assignments, 'Succeeded')).progress?.filesUnchanged, names.length);
});

test('when an allowance runs out work under a limit stands still, and another lets it go on', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.start();
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  assert.deepEqual(reportOf(assignments)?.heldAllowance, { bytesPerSecond: slow, validForMs: 15_000 });
  node.clock.pass(15_000);
  await setTimeout(600);
  const stood = bytesDone(assignments);
  await setTimeout(600);
  assert.deepEqual(
    [bytesDone(assignments), reportOf(assignments)?.state, reportOf(assignments)?.heldAllowance],
    [stood, 'Running', undefined],
  );

  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move again', () => bytesDone(assignments) > stood);
});

test('work without a limit goes on when its allowance has run out; without any, nothing moves', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.start();
  await assignments.apply({ assignments: [assignmentOf()], allowances: [] }, node.clock.nowMs());
  await untilState(assignments, 'Running');
  await setTimeout(300);
  assert.equal(bytesDone(assignments), 0);

  const sentAtMs = node.clock.nowMs();
  node.clock.pass(20_000);
  await assignments.apply(answerOf([assignmentOf()]), sentAtMs);
  await untilState(assignments, 'Succeeded');
});

test('a root that the node does not open is waited for; alias and directory must both be the same', async (t) => {
  const node = await Node.make(t, { a: '1' });
  renameSync(node.path('archive'), node.path('unmounted'));
  const assignments = await node.load();
  const elsewhere = { ...assignmentOf().spec.source, hostPath: '/mnt/other' };
  const other = assignmentOf({ id: '6f0c3a1e-r1-1', source: elsewhere });
  await assignments.apply(answerOf([assignmentOf(), other]), node.clock.nowMs());
  const { waiting } = await untilState(assignments, 'Waiting');
  assert.equal(waiting?.reason, 'RootNotMounted');
  assert.match(waiting?.message ?? '', /'archive' mounted from \/mnt\/archive/);
  assert.match(reportOf(assignments, other.id)?.waiting?.message ?? '', /'data' mounted from \/mnt\/other/);
  assert.equal(existsSync(node.path('archive')), false);
});

test('a waiting assignment begins by itself once its root is there', { timeout: 20_000 }, async (t) => {
  const node = await Node.make(t, { a: '1' });
  renameSync(node.path('archive'), node.path('unmounted'));
  const assignments = await node.start();
  await assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  await untilState(assignments, 'Waiting');
  renameSync(node.path('unmounted'), node.path('archive'));
  await untilState(assignments, 'Succeeded');
});

test('an end is told again after a restart, and never worked for again', async (t) => {
  const node = await Node.make(t, { a: '1' });
  const first = await node.load();
  await first.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  const told = await untilState(first, 'Succeeded');
  await first.stop();
  rmSync(node.path('archive/copy'), { recursive: true });

  const second = await node.start();
  assert.deepEqual(reportOf(second), told);
  await second.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  await setTimeout(300);
  assert.deepEqual([reportOf(second), existsSync(node.path('archive/copy'))], [told, false]);
});

test('after a restart work goes on under the lease it has, before the operator is heard', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const first = await node.load();
  await first.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('a file is done', () => (reportOf(first)?.progress?.filesDone ?? 0) > 1);
  await first.stop();
  assert.equal(reportOf(first)?.state, 'Stopped');
  const names = readdirSync(node.path('archive/copy')).length;

  const second = await node.start();
  await eventually('bytes move', () => bytesDone(second) > 0);
  assert.equal(reportOf(second)?.heldAllowance?.bytesPerSecond, slow);
  await second.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  assert.equal((await untilState(second, 'Succeeded')).progress?.filesUnchanged, names);
});

test('after a restart nothing is done whose lease has passed, or was given in another life of the machine', async (t) => {
  for (const change of ['time', 'boot'] as const) {
    const node = await Node.make(t, twentyFiles);
    const first = await node.load();
    await first.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
    await eventually('bytes move', () => bytesDone(first) > 0);
    await first.stop();
    if (change === 'time') node.clock.pass(leaseMs);
    else node.clock.bootId = 'boot-2';
    const names = readdirSync(node.path('archive/copy'));
    const second = await node.start();
    await setTimeout(300);
    assert.deepEqual([reportOf(second)?.state, readdirSync(node.path('archive/copy'))], ['Stopped', names], change);
    await second.apply(answerOf([assignmentOf()]), node.clock.nowMs());
    await untilState(second, 'Succeeded');
  }
});

test('saved assignments that cannot be understood are moved aside', async (t) => {
  const node = await Node.make(t, { a: '1' });
  for (const text of ['{ "version": 1, "assi', JSON.stringify({ version: 2, bootId: 'boot-1', assignments: [], departures: [] })]) {
    writeFileSync(node.path('state/assignments.json'), text);
    const assignments = await node.load();
    assert.deepEqual(assignments.reports(), []);
    assert.equal(readFileSync(node.path('state/assignments.json.unreadable'), 'utf8'), text);
    await assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs());
    await untilState(assignments, 'Succeeded');
  }
  assert.equal(statSync(node.path('state/assignments.json')).mode & 0o777, 0o600);
});

test('nothing is begun that cannot be saved, and what is withdrawn stops all the same', async (t) => {
  const node = await Node.make(t, twentyFiles);
  const assignments = await node.load();
  await assignments.apply(answerOf([assignmentOf()], slow), node.clock.nowMs());
  await eventually('bytes move', () => bytesDone(assignments) > 0);
  // A folder in the place of the temporary file: for root too, nothing can be written there.
  mkdirSync(node.path('state/assignments.json.new'));
  const other = assignmentOf({ id: '6f0c3a1e-r1-1' });
  await assert.rejects(assignments.apply(answerOf([other]), node.clock.nowMs()), { code: 'EISDIR' });
  await eventually('the first is gone', () => reportOf(assignments) === undefined);
  assert.equal(reportOf(assignments, other.id)?.waiting?.reason, 'StateNotSaved');

  rmSync(node.path('state/assignments.json.new'), { recursive: true });
  await assignments.apply(answerOf([other]), node.clock.nowMs());
  await untilState(assignments, 'Succeeded', other.id);
});

test('every failure stands in the report file, with the attempt that it befell', async (t) => {
  const node = await Node.make(t, { 'a\nb': 'x', c: 'y' });
  plantTree(node.path('archive/copy'), { 'a\nb': { inside: '1' }, c: { inside: '1' } });
  const assignments = await node.load();
  await assignments.apply(answerOf([assignmentOf()]), node.clock.nowMs());
  const report = await untilState(assignments, 'Failed');
  assert.deepEqual(
    [report.outcome?.reason, report.errors?.map(({ reason, count }) => [reason, count])],
    ['EntriesFailed', [['TypeConflict', 2]]],
  );
  const lines = readFileSync(node.path(`state/reports/${shard}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const paths = lines.map((line) => JSON.parse(line)).map(({ attempt, side, reason, path }) => [attempt, side, reason, path]);
  assert.deepEqual(paths.toSorted(), [
    [1, 'Destination', 'TypeConflict', 'a\\nb'],
    [1, 'Destination', 'TypeConflict', 'c'],
  ]);
});

test('many assignments run at once, and a small one does not wait for a large one', async (t) => {
  const node = await Node.make(t, { large: twentyFiles, small: { a: '1' } });
  const assignments = await node.load();
  const end = (path: string) => ({ ...assignmentOf().spec.source, path });
  const large = Array.from({ length: 40 }, (_, index) => {
    const destination = { ...assignmentOf().spec.destination, path: `large-${index}` };
    return assignmentOf({ id: `6f0c3a1e-r1-${index + 1}`, source: end('large'), destination });
  });
  const small = assignmentOf({ source: end('small') });
  const { allowances } = answerOf([small]);
  const answer = answerOf(large, 1_000);
  await assignments.apply(
    { assignments: [...answer.assignments, small], allowances: [...answer.allowances, ...allowances] },
    node.clock.nowMs(),
  );
  await untilState(assignments, 'Succeeded');
  assert.deepEqual(assignments.census(), { running: 40, waiting: 0, ended: 1 });
  assert.equal(assignments.reports().filter(({ state }) => state === 'Running').length, 40);
});
