import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Assignment, SyncResponse } from '@smartcopy/crds';
import { type Logger, pino } from 'pino';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { eventually } from '../../../test/support/eventually.ts';
import type { Assignments } from '../../src/assignments/assignments.ts';
import { RootTable } from '../../src/assignments/root-table.ts';
import { OperatorConnection } from '../../src/sync/operator-connection.ts';
import { SyncLoop } from '../../src/sync/sync-loop.ts';
import { answerOf, assignmentOf, Node } from '../assignments/held-copies.ts';
import { nothingToDo, OperatorPeer, refused } from './operator-peer.ts';

const KiB = 1024;

/** An agent's exchange with a peer, on a node of its own. */
async function talking(t: TestContext, source: Readonly<Record<string, string | Buffer>> = { a: '1' }) {
  const peer = await OperatorPeer.start(t);
  const node = await Node.make(t, source);
  const lines: { readonly msg: string; readonly trouble?: string }[] = [];
  const log: Logger = pino({ base: null }, { write: (line) => lines.push(JSON.parse(line)) });
  const assignments = await node.start();
  const said = { codes: [] as string[], connected: [] as boolean[] };
  const loop = makeLoop(t, { peer, node, assignments, log, said });
  const end = new AbortController();
  const start = () => {
    const running = loop.run(end.signal);
    cleanUp(t, async () => {
      end.abort();
      await running;
    });
    return running;
  };
  return { peer, node, assignments, loop, start, stop: () => end.abort(), lines, ...said };
}

interface LoopParts {
  readonly peer: OperatorPeer;
  readonly node: Node;
  readonly assignments: Assignments;
  readonly log: Logger;
  readonly said: { readonly codes: string[]; readonly connected: boolean[] };
}

function makeLoop(t: TestContext, { peer, node, assignments, log, said }: LoopParts): SyncLoop {
  const files = { caFile: node.path('ca.crt'), tokenFile: node.path('token') };
  writeFileSync(files.caFile, peer.authority.certificate);
  writeFileSync(files.tokenFile, 'token');
  const connection = new OperatorConnection({ operator: peer.url, ...files });
  cleanUp(t, () => connection.close());
  const capabilities = { kernelRelease: '6.1.0', architecture: 'x64', cpuCount: 2, memoryBytes: 1, ioUring: 'None' } as const;
  return new SyncLoop({
    connection,
    assignments,
    roots: new RootTable(node.roots),
    agent: { instanceId: 'instance-1', version: '0.1.0', capabilities },
    clock: node.clock,
    chance: () => 0,
    log,
    onSync: (code) => said.codes.push(code),
    onConnected: (isConnected) => said.connected.push(isConnected),
  });
}

function toDo(assignments: readonly Assignment[], bytesPerSecond: number | null = null): SyncResponse {
  return {
    revision: `set-${assignments.map(({ id, epoch }) => `${id}-${epoch}`).join()}`.slice(0, 64),
    nextSyncMs: 0,
    ...answerOf(assignments, bytesPerSecond),
  };
}

/** Answers as the operator does: at once while the set is not applied, else it holds the request. */
function offer(peer: OperatorPeer, response: SyncResponse): void {
  peer.afterHold = response;
  peer.answer = ({ request }) => (request.appliedRevision === response.revision ? undefined : response);
}

test('a set is applied, said to be so at once, and its end told at once', async (t) => {
  const { peer, start } = await talking(t);
  offer(peer, toDo([assignmentOf()]));
  void start();
  const end = await eventually('its end is told', () => peer.received.find(({ request }) => request.reports[0]?.state === 'Succeeded'));
  const [first, second] = peer.received;
  assert.deepEqual([first?.request.appliedRevision, second?.request.appliedRevision], [undefined, `set-${assignmentOf().id}-1`]);
  assert.deepEqual(
    [first?.request.waitMs, first?.request.roots.map(({ alias, state }) => [alias, state])],
    [
      25_000,
      [
        ['data', 'Ready'],
        ['archive', 'Ready'],
      ],
    ],
  );
  // Without news being told early it would have taken the second for which a request is held while there is work.
  assert.ok(end.atMs - (first?.atMs ?? 0) < 700, `${end.atMs - (first?.atMs ?? 0)} ms`);
});

test('the first byte is told at once, and everything again about every second', async (t) => {
  const { peer, start } = await talking(t, { a: Buffer.alloc(512 * KiB), b: Buffer.alloc(512 * KiB) });
  offer(peer, toDo([assignmentOf()], 64 * KiB));
  void start();
  const told = await eventually('the first byte is told', () =>
    peer.received.find(({ request }) => request.reports[0]?.firstByteForMs !== undefined),
  );
  assert.ok(told.atMs - (peer.received[0]?.atMs ?? 0) < 700);
  const countThen = peer.received.length;
  await setTimeout(2_500);
  const more = peer.received.slice(countThen);
  assert.ok(more.length >= 2 && more.length <= 4, `${more.length} requests in 2.5 s`);
  assert.ok(more.every(({ request }) => request.waitMs === 1_000));
  assert.ok((peer.last?.reports[0]?.progress?.bytesDone ?? 0) > 0);
});

test('while nothing is to be done a request is held for long', async (t) => {
  const { peer, start } = await talking(t);
  offer(peer, nothingToDo);
  void start();
  await eventually('the empty set is applied', () => peer.last?.appliedRevision === 'nothing');
  await setTimeout(1_500);
  assert.deepEqual([peer.received.length, peer.last?.waitMs], [2, 25_000]);
});

test('the agent asks no sooner than the operator wants, unless there is news', async (t) => {
  const { peer, start } = await talking(t);
  peer.answer = () => ({ ...nothingToDo, nextSyncMs: 400 });
  void start();
  await eventually('it asks again', () => peer.received.length >= 3);
  const gaps = peer.received.slice(1, 3).map(({ atMs }, index) => atMs - (peer.received[index]?.atMs ?? 0));
  assert.ok(
    gaps.every((gapMs) => gapMs >= 390),
    gaps.join(),
  );

  peer.answer = () => ({ ...toDo([assignmentOf()]), nextSyncMs: 5_000 });
  const told = await eventually('the end is told', () => peer.received.find(({ request }) => request.reports[0]?.state === 'Succeeded'));
  const given = peer.received.at(peer.received.indexOf(told) - 1);
  assert.ok(told.atMs - (given?.atMs ?? 0) < 2_000);
});

test('however fast it is answered, the agent asks ten times a second at most', async (t) => {
  const { peer, start } = await talking(t);
  peer.answer = () => nothingToDo;
  void start();
  await eventually('it asks', () => peer.received.length > 0);
  await setTimeout(1_000);
  assert.ok(peer.received.length > 5 && peer.received.length <= 12, `${peer.received.length} requests in a second`);
});

test('an answer that is none does not end the exchange, and whether it goes on can be seen', async (t) => {
  const { peer, start, stop, loop, codes } = await talking(t);
  peer.answer = () => ({ bytes: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n' });
  const running = start();
  await eventually('it has asked twice', () => codes.length >= 2);
  assert.deepEqual([...new Set(codes)], ['NotUnderstood']);
  offer(peer, nothingToDo);
  await eventually('it is answered', () => peer.last?.appliedRevision === 'nothing');
  await setTimeout(500);
  assert.ok(loop.sinceTurnMs() >= 400, 'its request is held');
  peer.answer = () => ({ ...nothingToDo, revision: 'more' });
  await eventually('it has turned', () => loop.sinceTurnMs() < 300);
  stop();
  assert.equal(await running, 'stopped');
});

test('leases are counted from when the request was sent, not from its answer', async (t) => {
  const { peer, node, start } = await talking(t, { a: Buffer.alloc(512 * KiB) });
  const response = toDo([assignmentOf()], 64 * KiB);
  peer.answer = () => {
    node.clock.pass(59_000); // The answer takes its time.
    return response;
  };
  void start();
  await eventually('it works', () => peer.last?.reports[0]?.state === 'Running');
  peer.answer = () => undefined;
  node.clock.pass(1_000);
  await eventually('it has stopped', () => peer.last?.reports[0]?.state === 'Stopped');
});

test('a standby names the leader, which is asked next; when that is gone, the configured address again', async (t) => {
  const { peer, start } = await talking(t);
  const leader = await OperatorPeer.start(t, { authority: peer.authority });
  offer(leader, nothingToDo);
  peer.answer = () => refused('NotReady', leader.address);
  void start();
  await eventually('the leader is asked', () => leader.last?.appliedRevision === 'nothing');
  assert.equal(peer.received.length, 1);
  await leader.stop();
  offer(peer, nothingToDo);
  await eventually('the first is asked again', () => peer.last?.appliedRevision === 'nothing');
});

test('an operator that comes and goes is logged once each time, and work goes on meanwhile', async (t) => {
  const { peer, start, lines, codes, connected, assignments } = await talking(t, { a: Buffer.alloc(64 * KiB), b: Buffer.alloc(64 * KiB) });
  offer(peer, toDo([assignmentOf()], 64 * KiB));
  void start();
  await eventually('it works', () => peer.last?.reports[0]?.state === 'Running');
  peer.answer = () => refused('Unauthenticated');
  await eventually('it was refused some times', () => codes.filter((code) => code === '401').length >= 3);
  await eventually('it has ended', () => assignments.reports()[0]?.state === 'Succeeded');
  offer(peer, toDo([assignmentOf()]));
  await eventually('the end is told', () => peer.last?.reports[0]?.state === 'Succeeded');
  await eventually('it is connected again', () => connected.length === 3);
  const told = lines.filter(({ msg }) => msg.startsWith('operator')).map(({ msg, trouble }) => [msg, trouble]);
  assert.deepEqual(told, [
    ['operator answers', undefined],
    ['operator does not answer', 'Unauthenticated'],
    ['operator answers', undefined],
  ]);
  assert.deepEqual(connected, [true, false, true]);
});

test('a superseded agent ends its exchange; only the operator may say so', async (t) => {
  const { peer, start } = await talking(t);
  peer.answer = ({ atMs }) =>
    atMs - (peer.received[0]?.atMs ?? 0) > 300 ? refused('Superseded') : { status: 503, refusal: refused('NotReady').refusal };
  assert.equal(await start(), 'superseded');
});

test('a set that cannot be saved is not said to be applied', async (t) => {
  const { peer, node, start } = await talking(t);
  await eventually('the first state is saved', () => existsSync(node.path('state/assignments.json')));
  mkdirSync(node.path('state/assignments.json.new'));
  const response = { ...toDo([assignmentOf()]), nextSyncMs: 50 };
  peer.answer = () => response;
  void start();
  await eventually('it asks again', () => peer.received.length >= 3);
  assert.ok(peer.received.every(({ request }) => request.appliedRevision === undefined));
  assert.deepEqual(peer.last?.reports[0]?.waiting?.reason, 'StateNotSaved');
  const gaps = peer.received.slice(1, 3).map(({ atMs }, index) => atMs - (peer.received[index]?.atMs ?? 0));
  assert.ok(
    gaps.every((gapMs) => gapMs >= 990),
    gaps.join(),
  );
  rmSync(node.path('state/assignments.json.new'), { recursive: true });
  await eventually('it is applied', () => peer.last?.appliedRevision === response.revision);
});

test('the last word says that all has stopped', async (t) => {
  const { peer, start, stop, assignments, loop } = await talking(t, { a: Buffer.alloc(512 * KiB) });
  offer(peer, toDo([assignmentOf()], 64 * KiB));
  const running = start();
  await eventually('it works', () => peer.last?.reports[0]?.state === 'Running');
  stop();
  assert.equal(await running, 'stopped');
  await assignments.stop();
  peer.answer = () => nothingToDo;
  await loop.sayLastWord();
  assert.deepEqual([peer.last?.reports[0]?.state, peer.last?.waitMs], ['Stopped', 0]);
});
