import assert from 'node:assert/strict';
import test from 'node:test';
import { nodeAgentStatus } from '@smartcopy/crds';
import type { ConnectedAgent } from '../../src/agents/agent-directory.ts';
import { lostStatus, nextStatus } from '../../src/agents/node-agent-status.ts';
import { agentOfNode1, requestOf } from './examples.ts';

const atMs = Date.UTC(2026, 0, 1);
const { version, capabilities, roots } = requestOf();
const agent: ConnectedAgent = { ...agentOfNode1, version, capabilities, roots, lastSeenMs: atMs, isHeard: true, isStuck: false };
const metadata = {
  name: 'node-1',
  namespace: '',
  uid: 'u',
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
  finalizers: [],
  labels: {},
  annotations: {},
};
const readyOf = (status: ReturnType<typeof nextStatus>) =>
  status.conditions?.map(({ status, reason, lastTransitionTime }) => [status, reason, lastTransitionTime]);

test('a NodeAgent says what its agent says, and is ready', () => {
  const status = nextStatus(agent, undefined, atMs);
  assert.deepEqual(nodeAgentStatus.parse(status), status);
  assert.deepEqual([status.version, status.pod, status.roots.length], ['0.1.0', 'agent-x', 1]);
  assert.deepEqual(readyOf(status), [['True', 'AgentConnected', '2026-01-01T00:00:00Z']]);
});

test('nothing changes while the agent says the same, in whatever order', () => {
  const two = { ...agent, roots: [...roots, { alias: 'archive', hostPath: '/mnt/archive', state: 'Ready' as const }] };
  const status = nextStatus(two, undefined, atMs);
  assert.deepEqual(nextStatus({ ...two, roots: two.roots.toReversed() }, { metadata, status }, atMs + 60_000), status);
});

test('a root that is not mounted makes it not ready, and is named', () => {
  const status = nextStatus({ ...agent, roots: [{ alias: 'scratch', hostPath: '/mnt/scratch', state: 'Missing' }] }, undefined, atMs);
  assert.deepEqual(readyOf(status), [['False', 'RootsMissing', '2026-01-01T00:00:00Z']]);
  assert.match(status.conditions?.[0]?.message ?? '', /scratch \(\/mnt\/scratch\)/);
});

test('an agent that does not apply what it is sent is not ready, whatever its roots are', () => {
  for (const state of ['Ready', 'Missing'] as const) {
    const status = nextStatus({ ...agent, isStuck: true, roots: [{ alias: 'scratch', hostPath: '/mnt/scratch', state }] }, undefined, atMs);
    assert.deepEqual(nodeAgentStatus.parse(status), status);
    assert.deepEqual(readyOf(status), [['False', 'NotApplied', '2026-01-01T00:00:00Z']]);
    assert.match(status.conditions?.[0]?.message ?? '', /has not applied what it was sent for 30 s/);
  }
});

test('the same root said twice is one entry, as the API server wants it', () => {
  assert.equal(nextStatus({ ...agent, roots: [...roots, ...roots] }, undefined, atMs).roots.length, 1);
});

test('a lost agent keeps what was known of it; the time is that of the change', () => {
  const status = nextStatus(agent, undefined, atMs);
  const lost = lostStatus(status, atMs + 90_000);
  assert.deepEqual({ ...lost, conditions: [] }, { ...status, conditions: [] });
  assert.deepEqual(readyOf(lost), [['False', 'AgentLost', '2026-01-01T00:01:30Z']]);
  assert.deepEqual(lostStatus(lost, atMs + 180_000), lost);
  assert.deepEqual(readyOf(nextStatus(agent, { metadata, status: lost }, atMs + 240_000)), [
    ['True', 'AgentConnected', '2026-01-01T00:04:00Z'],
  ]);
});
