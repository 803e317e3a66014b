import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentPod, agentPodResource, identify, successorOf } from '../../src/agents/agent-pod.ts';

interface PodChanges {
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly owner?: object;
  readonly account?: string;
  readonly node?: string | undefined;
  readonly phase?: string;
}

function podOf(changes: PodChanges = {}): AgentPod {
  const {
    uid = 'uid-1',
    creationTimestamp = '2026-01-01T00:00:00Z',
    deletionTimestamp,
    account = 'smartcopy-agent',
    phase = 'Running',
  } = changes;
  const nodeName = 'node' in changes ? changes.node : 'node-1';
  const owner = changes.owner ?? { apiVersion: 'apps/v1', kind: 'DaemonSet', controller: true };
  return agentPodResource.schema.parse({
    metadata: {
      name: 'agent-x',
      namespace: 'smartcopy-system',
      uid,
      resourceVersion: '1',
      creationTimestamp,
      deletionTimestamp,
      ownerReferences: [owner],
    },
    spec: { nodeName, serviceAccountName: account },
    status: { phase },
  });
}

test('a pod is an agent when the DaemonSet made it, with the account of the agents, and it is on a node and alive', () => {
  const agent = { node: 'node-1', podName: 'agent-x', podUid: 'uid-1' };
  const table: readonly [PodChanges, unknown][] = [
    [{}, agent],
    [{ phase: 'Pending' }, agent],
    [{ phase: 'Succeeded' }, 'PodEnded'],
    [{ phase: 'Failed' }, 'PodEnded'],
    [{ phase: 'Unknown' }, 'PodEnded'],
    [{ deletionTimestamp: '2026-01-01T00:00:01Z' }, 'PodEnded'],
    [{ account: 'default' }, 'NotAnAgentPod'],
    [{ node: undefined }, 'NotAnAgentPod'],
    [{ owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true } }, 'NotAnAgentPod'],
    [{ owner: { apiVersion: 'example.com/v1', kind: 'DaemonSet', controller: true } }, 'NotAnAgentPod'],
    [{ owner: { apiVersion: 'apps/v1', kind: 'DaemonSet' } }, 'NotAnAgentPod'],
  ];
  for (const [changes, expected] of table) assert.deepEqual(identify(podOf(changes), 'smartcopy-agent'), expected, JSON.stringify(changes));
  assert.equal(identify(undefined, 'smartcopy-agent'), 'UnknownPod');
});

test('the newest pod of a node whose agent has started speaks for it', () => {
  const old = podOf({ uid: 'uid-5' });
  const newer = { uid: 'uid-1', creationTimestamp: '2026-01-01T00:00:01Z' };
  const successor = (other: AgentPod, spoken: readonly string[] = []) =>
    successorOf(
      { node: 'node-1', podName: 'agent-x', podUid: 'uid-5' },
      { pods: [old, other], agentAccount: 'smartcopy-agent', hasSpoken: (uid) => spoken.includes(uid) },
    );
  assert.equal(successor(podOf(newer))?.podUid, 'uid-1');
  assert.equal(successor(podOf({ ...newer, phase: 'Pending' })), undefined, 'it still waits for its image');
  assert.equal(successor(podOf({ ...newer, phase: 'Pending' }), ['uid-1'])?.podUid, 'uid-1', 'its agent was heard');
  assert.equal(successor(podOf({ ...newer, phase: 'Failed' })), undefined);
  assert.equal(successor(podOf({ ...newer, deletionTimestamp: '2026-01-01T00:00:02Z' })), undefined);
  assert.equal(successor(podOf({ uid: 'uid-9', creationTimestamp: '2025-12-31T23:59:59Z' })), undefined, 'it is older');
  assert.equal(successor(podOf({ uid: 'uid-6' }))?.podUid, 'uid-6', 'of the same second the greater UID counts');
  assert.equal(successor(podOf({ uid: 'uid-4' })), undefined);
  assert.equal(successor(podOf({ ...newer, account: 'default' })), undefined, 'it is no agent, whatever its labels say');
  assert.equal(successor(podOf({ ...newer, owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true } })), undefined);
  assert.equal(successor(old), undefined);
});
