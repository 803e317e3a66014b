import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { answerOf, assignmentOf } from '../assignments/held-copies.ts';
import { silentFileSystem } from '../system/silent-file-system.ts';
import { AgentNode } from './agent-process.ts';

test('an agent with roots that hang works on its other roots, and ends when it is told to', async (t) => {
  const silent = await silentFileSystem(t);
  if (silent === undefined) return;
  const node = await AgentNode.make(t, { a: '1' });
  const healthy = ['data', 'archive'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: node.path(alias) }));
  const hanging = ['first', 'second', 'third'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: join(silent.path, alias) }));
  writeFileSync(node.path('agent.yaml'), JSON.stringify({ roots: [...hanging, ...healthy] }));
  node.peer.answer = () => ({ revision: 'one', nextSyncMs: 0, ...answerOf([assignmentOf()]) });
  const agent = await node.start();
  await eventually('it has copied', () => node.peer.last?.reports[0]?.state === 'Succeeded', 15_000);
  assert.equal(readFileSync(node.path('archive/copy/a'), 'utf8'), '1');
  const states = node.peer.last?.roots.map(({ state, message }) => [state, message?.split(': ')[1]]);
  const silence = ['Missing', 'its file system does not answer'];
  assert.deepEqual(states, [silence, silence, silence, ['Ready', undefined], ['Ready', undefined]]);

  assert.ok((await agent.end('SIGTERM')) < 8_000);
  assert.match(agent.server.howItEnded(), /SIGKILL/);
  assert.ok(agent.find('threads hang in a call of a file system'));
});

test('an agent whose roots answer again by the time it ends has nothing to say about them', async (t) => {
  const silent = await silentFileSystem(t);
  if (silent === undefined) return;
  const node = await AgentNode.make(t, {});
  writeFileSync(
    node.path('agent.yaml'),
    JSON.stringify({ roots: [{ alias: 'late', hostPath: '/mnt/late', path: `${silent.path}/late` }] }),
  );
  const agent = await node.start();
  const messageNow = () => node.peer.last?.roots[0]?.message ?? '';
  await eventually('it does not answer', () => messageNow().includes('does not answer'));
  silent.give();
  await eventually('it answers', () => messageNow().endsWith('ENOTCONN'));
  await agent.end('SIGTERM');
  assert.match(agent.server.howItEnded(), /ended with 0;/);
});
