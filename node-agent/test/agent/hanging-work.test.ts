import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { execute } from '../../../test/support/programs.ts';
import { answerOf, assignmentOf } from '../assignments/held-copies.ts';
import { silentFileSystem } from '../system/silent-file-system.ts';
import { AgentNode } from './agent-process.ts';

test('an agent whose copy hangs ends when it is told to, and the next takes its place only then', async (t) => {
  const silent = await silentFileSystem(t);
  if (silent === undefined) return;
  const node = await AgentNode.make(t, {});
  const roots = { data: silent.path, archive: node.path('archive') };
  const opened = Object.entries(roots).map(([alias, path]) => ({ alias, hostPath: `/mnt/${alias}`, path }));
  writeFileSync(node.path('agent.yaml'), JSON.stringify({ roots: opened }));
  node.peer.answer = () => ({ revision: 'one', nextSyncMs: 0, ...answerOf([assignmentOf()]) });
  const first = await node.start();
  await eventually('it works', () => node.peer.last?.reports[0]?.state === 'Running');
  const second = await node.start();
  await eventually('the second waits', () => second.find('another agent works on this node, waiting for its end'));
  let isSecondReady = false;
  const watching = eventually('the second works', async () => (await second.get('/readyz')).status === 200).then(() => {
    isSecondReady = !first.server.hasEnded();
  });
  assert.ok((await first.end('SIGTERM')) < 9_000);
  assert.match(first.server.howItEnded(), /SIGKILL/);
  await watching;
  assert.equal(isSecondReady, false);
  await second.end('SIGKILL');
});

test('an agent whose state cannot be saved for a disk that hangs ends when it is told to', async (t) => {
  const node = await AgentNode.make(t, { a: '1' });
  mkdirSync(node.path('state'));
  // A pipe that nobody reads hangs whoever opens it to write.
  await execute('mkfifo', [node.path('state/assignments.json.new')]);
  node.peer.answer = () => ({ revision: 'one', nextSyncMs: 0, ...answerOf([assignmentOf()]) });
  const agent = await node.start();
  await eventually('it was answered', () => agent.find('operator answers'));
  assert.ok((await agent.end('SIGTERM')) < 9_000);
  assert.match(agent.server.howItEnded(), /SIGKILL/);
});
