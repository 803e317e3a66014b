import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { agentTokenAudience } from '@smartcopy/crds';
import { pino } from 'pino';
import { z } from 'zod';
import { eventually } from '../../../test/support/eventually.ts';
import { agentPodIndexes, agentPodResource } from '../../src/agents/agent-pod.ts';
import { type Authentication, Authenticator } from '../../src/agents/authenticate.ts';
import { Store } from '../../src/kube/store.ts';
import { type Answer, json, refusal, troubled } from '../kube/troubled-server.ts';
import { ManualClock } from './manual-clock.ts';
import { claimsOf, tokenOf, username } from './tokens.ts';

// With an API server that says and withholds what a test needs; test/integration/agent-identity.test.ts asks a real one.

const tokens = ['uid-1', 'uid-2'].map(
  (podUid) => (signature: string) => tokenOf(claimsOf({ podUid, nowMs: new ManualClock().now() }), signature),
);
const [tokenOfOne = () => '', tokenOfTwo = () => ''] = tokens;
const asked = z.object({ spec: z.object({ token: z.string() }) });

/** Says that a token is good if it is signed `good`, of the pod that it names. */
const judge: Answer = (response, request, body) => {
  const { token } = asked.parse(JSON.parse(body)).spec;
  const podUid = token.startsWith(tokenOfOne('')) ? 'uid-1' : 'uid-2';
  const user = { username, extra: { 'authentication.kubernetes.io/pod-uid': [podUid] } };
  const status = token.endsWith('.good') ? { authenticated: true, audiences: [agentTokenAudience], user } : { error: 'not signed' };
  json(201, { status })(response, request, body);
};

async function world(t: TestContext, answers: readonly [Answer, ...Answer[]]) {
  const { client, asked: questions } = await troubled(t, answers);
  const clock = new ManualClock();
  const pods = new Store(agentPodIndexes);
  pods.replaceAll([podOf(1), podOf(2)], []);
  const failures: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void failures.push(line) });
  const account = { namespace: 'smartcopy-system', name: 'smartcopy-agent' };
  const authenticator = new Authenticator({ client, pods, account, clock, log });
  const ask = async (token: string) => outcomeOf(await authenticator.authenticate(`Bearer ${token}`));
  return { clock, pods, questions, failures, ask };
}

function podOf(number: number) {
  return agentPodResource.schema.parse({
    metadata: {
      name: `agent-${number}`,
      namespace: 'smartcopy-system',
      uid: `uid-${number}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', controller: true }],
    },
    spec: { nodeName: `node-${number}`, serviceAccountName: 'smartcopy-agent' },
    status: { phase: 'Running' },
  });
}

function outcomeOf(authentication: Authentication): string {
  return authentication.kind === 'agent' ? authentication.agent.node : authentication.reason;
}

const never: Answer = () => undefined;

test('nobody is asked about a token that does not claim to be one of a known agent pod', async (t) => {
  const { ask, questions, pods } = await world(t, [judge]);
  const two = podOf(2);
  pods.put({ ...two, metadata: { ...two.metadata, resourceVersion: '2', ownerReferences: [] } });
  assert.equal(await ask('garbage'), 'TokenRefused');
  assert.equal(await ask(tokenOf(claimsOf({ podUid: 'uid-3', nowMs: Date.now() }), 'good')), 'UnknownPod');
  assert.equal(await ask(tokenOfTwo('good')), 'NotAnAgentPod');
  assert.deepEqual(questions, []);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  assert.equal(await ask(tokenOfOne('bad')), 'TokenRefused');
  assert.equal(questions.length, 2);
});

test('tokens of one pod are looked at one after the other, and keep no other agent out', async (t) => {
  const { ask, questions } = await world(t, [never, judge]);
  void ask(tokenOfOne('slow'));
  await eventually('it is being looked at', () => questions.length === 1);
  for (let count = 0; count < 100; count += 1) assert.equal(await ask(tokenOfOne(`bad${count}`)), 'ReviewFailed');
  assert.equal(await ask(tokenOfTwo('good')), 'node-2');
  assert.equal(questions.length, 2);
});

test('a proven token is asked about again after a while, and counts meanwhile', async (t) => {
  const { ask, questions, clock } = await world(t, [judge, never]);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  clock.pass(5 * 60_000 - 1);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  assert.equal(questions.length, 1);
  clock.pass(1);
  for (let count = 0; count < 3; count += 1) assert.equal(await ask(tokenOfOne('good')), 'node-1');
  await eventually('it is asked about again', () => questions.length === 2);
});

test('a proven token counts while the API server is away, but not beyond its own end', async (t) => {
  const { ask, questions, failures, clock } = await world(t, [judge, refusal(500, 'InternalError')]);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  for (let count = 1; count <= 11; count += 1) {
    clock.pass(5 * 60_000);
    assert.equal(await ask(tokenOfOne('good')), 'node-1');
    await eventually('it was asked about in vain', () => failures.length === count);
    assert.equal(await ask(tokenOfOne('good')), 'node-1');
    assert.equal(questions.length, 1 + count, 'and not with every request');
  }
  clock.pass(5 * 60_000);
  assert.equal(await ask(tokenOfOne('good')), 'TokenRefused');
});

test('a proven token that is refused when it is asked about again counts no longer', async (t) => {
  const no = json(201, { status: { error: 'the account is gone' } });
  const { ask, clock } = await world(t, [judge, no]);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  clock.pass(5 * 60_000);
  const endMs = performance.now() + 5_000;
  while ((await ask(tokenOfOne('good'))) !== 'TokenRefused') {
    assert.ok(performance.now() < endMs, 'it is refused');
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('a proven token counts for nothing when its pod is gone, whatever the API server says', async (t) => {
  const { ask, pods, questions } = await world(t, [judge]);
  assert.equal(await ask(tokenOfOne('good')), 'node-1');
  pods.remove({ namespace: 'smartcopy-system', name: 'agent-1' });
  assert.equal(await ask(tokenOfOne('good')), 'UnknownPod');
  assert.equal(questions.length, 1);
});
