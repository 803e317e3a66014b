import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Assignment, SyncResponse } from '@smartcopy/crds';
import { eventually } from '../../../test/support/eventually.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { answerOf, assignmentOf } from '../assignments/held-copies.ts';
import { nothingToDo, type OperatorPeer, refused } from '../sync/operator-peer.ts';
import { AgentNode } from './agent-process.ts';

const KiB = 1024;
/** Under a limit of 64 KiB a second: five seconds, each file a quarter of one. */
const twentyFiles = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`file-${index}`, Buffer.alloc(16 * KiB, index)]));
const slow = 64 * KiB;

function toDo(assignments: readonly Assignment[], bytesPerSecond: number | null = null): SyncResponse {
  return {
    revision: `${assignments.map(({ id, epoch }) => `${id}-${epoch}`).join()}.`,
    nextSyncMs: 0,
    ...answerOf(assignments, bytesPerSecond),
  };
}

/** Answers as the operator does: at once while the set is not applied, else it holds the request. */
function offer(peer: OperatorPeer, response: SyncResponse): void {
  peer.afterHold = response;
  peer.answer = ({ request }) => (request.appliedRevision === response.revision ? undefined : response);
}

function filesDone(peer: OperatorPeer): number {
  return peer.last?.reports[0]?.progress?.filesDone ?? 0;
}

test('an agent killed in the middle of a copy goes on by itself, and copies no finished file again', async (t) => {
  const node = await AgentNode.make(t, twentyFiles);
  offer(node.peer, toDo([assignmentOf()], slow));
  const first = await node.start();
  await eventually('some files are done', () => filesDone(node.peer) >= 3);
  await first.end('SIGKILL');
  const inodes = new Map(readdirSync(node.path('archive/copy')).map((name) => [name, statSync(node.path('archive/copy', name)).ino]));
  // Of what was under way when it died, two threads' files have no time yet: they are copied again.
  const finished = [...inodes.keys()].filter((name) => isFinished(node, name));
  assert.ok(finished.length >= 3 && finished.length < 20, `${finished.length} files`);

  // No operator answers: the lease is what lets it go on, and the allowance that it holds.
  node.peer.answer = () => refused('NotReady');
  await node.start();
  await eventually(
    'it goes on',
    () => readdirSync(node.path('archive/copy')).filter((name) => isFinished(node, name)).length > finished.length + 2,
  );
  offer(node.peer, toDo([assignmentOf()]));
  const report = await eventually('it has ended', () => node.peer.last?.reports.find(({ state }) => state === 'Succeeded'));
  assert.equal(report.progress?.filesUnchanged, finished.length);
  for (const name of finished) assert.equal(statSync(node.path('archive/copy', name)).ino, inodes.get(name));
  assert.equal(readdirSync(node.path('archive/copy')).length, 20);
  assert.ok(
    Object.keys(twentyFiles).every((name) => readFileSync(node.path('archive/copy', name)).equals(readFileSync(node.path('data', name)))),
  );
});

function isFinished(node: AgentNode, name: string): boolean {
  const copy = statSync(node.path('archive/copy', name), { bigint: true, throwIfNoEntry: false });
  const source = statSync(node.path('data', name), { bigint: true, throwIfNoEntry: false });
  return copy !== undefined && source !== undefined && copy.size === source.size && copy.mtimeNs === source.mtimeNs;
}

test('SIGTERM stops the work, tells so, and leaves it for the next agent', async (t) => {
  const node = await AgentNode.make(t, twentyFiles);
  offer(node.peer, toDo([assignmentOf()], slow));
  const first = await node.start();
  await eventually('some files are done', () => filesDone(node.peer) >= 2);
  node.peer.answer = ({ request }) => (request.waitMs === 0 ? nothingToDo : undefined);
  assert.ok((await first.end('SIGTERM')) < 5_000);
  assert.equal(first.server.howItEnded().includes('ended with 0'), true, first.server.howItEnded());
  assert.equal(node.peer.last?.reports[0]?.state, 'Stopped');
  assert.deepEqual(
    readdirSync(node.path('archive/copy')).filter((name) => !isFinished(node, name)),
    [],
  );

  offer(node.peer, toDo([assignmentOf()]));
  await node.start();
  const report = await eventually('it has ended', () => node.peer.last?.reports.find(({ state }) => state === 'Succeeded'));
  assert.ok((report.progress?.filesUnchanged ?? 0) >= 2);
});

test('SIGTERM ends an agent also when the operator is silent', async (t) => {
  const node = await AgentNode.make(t, { a: '1' });
  offer(node.peer, nothingToDo);
  const agent = await node.start();
  await eventually('it was answered', () => node.peer.last?.appliedRevision === 'nothing');
  node.peer.answer = () => undefined;
  node.peer.afterHold = { ...nothingToDo, nextSyncMs: 60_000 };
  assert.ok((await agent.end('SIGTERM')) < 5_000);
});

test('a second agent on the node waits for the end of the first, however that comes', async (t) => {
  const node = await AgentNode.make(t, twentyFiles);
  offer(node.peer, toDo([assignmentOf()], slow));
  const first = await node.start();
  await eventually('the first works', () => filesDone(node.peer) >= 1);
  const instance = node.peer.last?.instanceId;

  const second = await node.start();
  await eventually('it says that it waits', () => second.find('another agent works on this node, waiting for its end'));
  await setTimeout(1_000);
  assert.deepEqual([...new Set(node.peer.received.map(({ request }) => request.instanceId))], [instance]);
  const { status, text } = await second.get('/readyz');
  assert.deepEqual([status, text], [503, 'another agent works on this node; this one waits for its end\n']);
  assert.equal((await second.get('/healthz')).status, 200);
  assert.equal(second.lines.filter(({ msg }) => msg.startsWith('another agent')).length, 1);

  await first.end('SIGKILL');
  const report = await eventually(
    'the second works',
    () => node.peer.received.find(({ request }) => request.instanceId !== instance)?.request,
  );
  assert.equal(report.reports.length, 1);
  await eventually('it is ready', async () => (await second.get('/readyz')).status === 200);
});

test('an agent that waits for another ends at once when it is told to', async (t) => {
  const node = await AgentNode.make(t, {});
  offer(node.peer, nothingToDo);
  await node.start();
  await eventually('the first was answered', () => node.peer.received.length > 0);
  const second = await node.start();
  await eventually('the second waits', () => second.find('another agent works on this node, waiting for its end'));
  assert.ok((await second.end('SIGTERM')) < 2_000);
});

test('a superseded agent stops all work and ends with a status of its own', async (t) => {
  const node = await AgentNode.make(t, twentyFiles);
  offer(node.peer, toDo([assignmentOf()], slow));
  const agent = await node.start();
  await eventually('it works', () => filesDone(node.peer) >= 1);
  node.peer.answer = () => refused('Superseded');
  await agent.server.ended;
  assert.match(agent.server.howItEnded(), /ended with 3;/);
  assert.ok(agent.find('a newer agent works on this node, this one ends'));
  const names = readdirSync(node.path('archive/copy'));
  assert.ok(names.length < 20 && names.every((name) => isFinished(node, name)));
});

test('an agent is ready once the operator has answered, and says why not before', async (t) => {
  const node = await AgentNode.make(t, {});
  node.peer.answer = () => refused('NotReady');
  const agent = await node.start();
  await eventually('it was refused', () => agent.find('operator does not answer'));
  assert.deepEqual(await agent.get('/readyz'), { status: 503, text: 'the operator has not answered yet\n' });
  assert.match((await agent.get('/metrics')).text, /^smartcopy_agent_operator_connected 0$/m);
  offer(node.peer, nothingToDo);
  await eventually('it is ready', async () => (await agent.get('/readyz')).status === 200);
  await node.peer.stop();
  await eventually('it notices', () => agent.lines.filter(({ msg }) => msg === 'operator does not answer').length === 2);
  assert.equal((await agent.get('/readyz')).status, 200, 'what is leased goes on');
});

test('counters move while a transfer runs; no label names a path or a job, and no log has the token', async (t) => {
  const node = await AgentNode.make(t, twentyFiles);
  offer(node.peer, toDo([assignmentOf()], slow));
  const agent = await node.start('--log-level=debug');
  const written = async () =>
    Number(
      /^smartcopy_agent_bytes_total\{direction="write",method="readWrite"\} (\d+)$/m.exec((await agent.get('/metrics')).text)?.[1] ?? 0,
    );
  const before = await eventually('bytes are counted', async () => (await written()) || undefined);
  await eventually('more are', async () => (await written()) > before);
  assert.equal(node.peer.last?.reports[0]?.state, 'Running');
  const { text } = await agent.get('/metrics');
  assert.match(text, /^smartcopy_agent_slots\{state="running"\} 1$/m);
  assert.match(text, /^smartcopy_agent_sync_total\{code="200"\} \d+$/m);
  assert.doesNotMatch(text, /file-1|run42|climate|\/mnt\/|"\//);
  await agent.end('SIGTERM');
  assert.doesNotMatch(agent.server.log(), /a-very-secret-token/);
});

const program = join(import.meta.dirname, '..', '..', 'src', 'agent.ts');

test('an agent that cannot understand its configuration says why in one line, and ends', async (t) => {
  const folder = await temporaryFolder(t);
  const given = [`--operator=https://operator:8443`, '--token-file=token', '--ca-file=ca', `--config=${folder}/agent.yaml`];
  writeFileSync(join(folder, 'agent.yaml'), 'roots: [{ alias: Scratch, hostPath: /mnt/scratch }]');
  const failure = await promisify(execFile)(process.execPath, [program, ...given]).catch((error) => error);
  assert.equal(failure.code, 2);
  assert.match(failure.stderr, /^\S*agent\.yaml: roots\[0\]\.alias: must be lower-case letters.*\n$/);
});

test('an agent whose state directory cannot be used fails, and its log says why', async (t) => {
  const node = await AgentNode.make(t, {});
  writeFileSync(node.path('file'), '');
  mkdirSync(node.path('state'));
  const agent = await node.start(`--state-dir=${node.path('file/state')}`);
  await agent.server.ended;
  assert.match(agent.server.howItEnded(), /ended with 1;/);
  assert.match(agent.server.log(), /"msg":"agent failed"/);
});
