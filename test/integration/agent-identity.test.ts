import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { agentTokenAudience, storedNodeAgent, syncRefusal, syncResponse } from '@smartcopy/crds';
import { z } from 'zod';
import { assignmentOf, reportOf, requestOf, shardA, shardB } from '../../operator/test/agents/examples.ts';
import { ServedAgents, type ServedAgentsOptions, type SyncAnswer, SyncClient } from '../../operator/test/agents/served-agents.ts';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { type ControlPlane, startControlPlane, tokenIssuer } from '../support/control-plane.ts';
import {
  createAgentDaemonSet,
  createAgentPod,
  createNode,
  type ObjectReference,
  readConfigMap,
  requestAgentToken,
  requestOperatorToken,
  setPodStatus,
  systemNamespace,
} from '../support/playground-objects.ts';

const manifests = ['crds', 'operator'].flatMap((folder) => ['-f', join(import.meta.dirname, '..', '..', folder, 'manifests')]);
const secretPath = `/api/v1/namespaces/${systemNamespace}/secrets/smartcopy-agent-tls`;
/** An API server that was just started takes its time, and a request that hangs is given up after 10 seconds. */
const withinMs = 30_000;
const hourMs = 3_600_000;

suite('agents are known by their tokens', { skip: lacksControlPlane() }, () => {
  let plane: ControlPlane;
  let daemonSet: ObjectReference;
  let served: ServedAgents;
  let client: SyncClient;
  let podCount = 0;

  before(async () => {
    plane = await startControlPlane();
    await plane.kubectl(['apply', ...manifests]);
    await plane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...manifests.slice(0, 2)]);
    // Established, a kind may still be unknown to the part of the API server that answers for it.
    const path = '/apis/smartcopy.io/v1alpha1/nodeagents';
    await settle('the kind is served', async () =>
      (await plane.as(plane.files.admin).ask('GET', path)).status === 200 ? true : undefined,
    );
    for (const name of ['node-1', 'node-2', 'node-3']) await createNode(plane, name, {});
    daemonSet = await createAgentDaemonSet(plane);
    served = await serve({ certificates: { checkIntervalMs: hourMs } }); // It does not meddle with those that tests make.
    client = new SyncClient(served.port, await bundle());
  });

  after(async () => {
    client?.close();
    await served?.stop();
    await plane?.stop();
  });

  async function serve(options: Partial<ServedAgentsOptions>): Promise<ServedAgents> {
    const { token } = await requestOperatorToken(plane);
    const access = { url: plane.url, ca: plane.ca, identity: { token } };
    // Each node has a shard of its own.
    const workFor = (node: string) => ({ assignments: [assignmentOf(node === 'node-1' ? shardA : shardB)], allowances: [] });
    return await ServedAgents.start({ access, namespace: systemNamespace, workFor, ...options });
  }

  async function bundle(): Promise<string> {
    const text = await readConfigMap(plane, 'smartcopy-agent-ca', 'ca.crt');
    assert.ok(text !== undefined);
    return text;
  }

  async function agentPod(t: TestContext, nodeName: string): Promise<ObjectReference> {
    podCount += 1;
    const pod = await createAgentPod(plane, { daemonSet, name: `agent-${podCount}`, nodeName });
    cleanUp(t, () => removePod(pod));
    return pod;
  }

  /** A pod that is like an agent's but for one thing. */
  async function otherPod(
    t: TestContext,
    { labels = { 'app.kubernetes.io/component': 'agent' }, isOwned = true, account = 'smartcopy-agent' },
  ) {
    podCount += 1;
    const name = `other-${podCount}`;
    const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: daemonSet.name, uid: daemonSet.uid, controller: true };
    const body = {
      metadata: { name, labels, ...(isOwned && { ownerReferences: [owner] }) },
      spec: { nodeName: 'node-1', serviceAccountName: account, containers: [{ name: 'agent', image: 'smartcopy' }] },
    };
    const answer = z
      .object({ metadata: z.object({ uid: z.string() }) })
      .parse(await plane.request('POST', `/api/v1/namespaces/${systemNamespace}/pods`, body));
    const pod = { name, uid: answer.metadata.uid, createdAtMs: 0 };
    cleanUp(t, () => removePod(pod));
    await setPodStatus(plane, name, 'Running');
    return pod;
  }

  async function removePod(pod: ObjectReference): Promise<void> {
    const list = z
      .object({ items: z.array(z.object({ metadata: z.object({ uid: z.string() }) })) })
      .parse(await plane.request('GET', `/api/v1/namespaces/${systemNamespace}/pods`));
    if (list.items.some(({ metadata }) => metadata.uid === pod.uid)) await deletePod(pod);
  }

  /** At once, as when its node is gone. */
  async function deletePod({ name }: ObjectReference): Promise<void> {
    await plane.request('DELETE', `/api/v1/namespaces/${systemNamespace}/pods/${name}?gracePeriodSeconds=0`);
  }

  async function bearer(pod: ObjectReference, audience = agentTokenAudience): Promise<string> {
    const { token } = await requestAgentToken(plane, { pod, audience, lifetimeSeconds: 600 });
    return `Bearer ${token}`;
  }

  async function tokenOf(account: string, spec: object): Promise<string> {
    const answer = await plane.request('POST', `/api/v1/namespaces/${systemNamespace}/serviceaccounts/${account}/token`, { spec });
    return `Bearer ${z.object({ status: z.object({ token: z.string() }) }).parse(answer).status.token}`;
  }

  /** Asks again until the answer has this status: the watch of the pods takes a moment. */
  async function until(status: number, authorization: string, changes = {}): Promise<SyncAnswer> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const answer = await client.sync(authorization, changes);
      if (answer.status === status) return answer;
      assert.ok(performance.now() < endMs, `not ${status} but ${JSON.stringify(answer)}`);
      await setTimeout(20);
    }
  }

  /** The request is refused with 401, for this reason, and that is counted. */
  async function assertRefused(authorization: string | undefined, reason: string): Promise<void> {
    const before = served.refused.get(reason) ?? 0;
    const { status, body } = await client.sync(authorization);
    const refusal = syncRefusal.parse(body);
    assert.deepEqual([status, refusal.code], [401, 'Unauthenticated'], refusal.message);
    assert.match(refusal.message, new RegExp(`^${reason}: `));
    assert.equal(served.refused.get(reason), before + 1);
  }

  test('an agent is answered with the work of its own node, whatever its request says', async (t) => {
    const [one, two] = [await agentPod(t, 'node-1'), await agentPod(t, 'node-2')];
    const answers = [await until(200, await bearer(one)), await until(200, await bearer(two), { bootId: 'node-1' })];
    const ids = answers.map(({ body }) => syncResponse.parse(body).assignments.map(({ id }) => id));
    assert.deepEqual(ids, [[shardA], [shardB]]);
    const claiming = JSON.stringify({ ...requestOf({ waitMs: 0 }), node: 'node-1', nodeName: 'node-1', podUid: one.uid });
    const answer = await client.post(await bearer(two), claiming);
    assert.deepEqual(
      syncResponse.parse(answer.body).assignments.map(({ id }) => id),
      [shardB],
    );
  });

  test('nobody is answered without a token, with garbage, or with a token that was made for others', async (t) => {
    const pod = await agentPod(t, 'node-1');
    await until(200, await bearer(pod));
    await assertRefused(undefined, 'NoToken');
    await assertRefused('Basic c21hcnQ6Y29weQ==', 'NoToken');
    await assertRefused('Bearer garbage', 'TokenRefused');
    await assertRefused(await bearer(pod, 'https://other.example'), 'WrongAudience');
    await assertRefused(await tokenOf('smartcopy-agent', { audiences: ['vault'], boundObjectRef: boundTo(pod) }), 'WrongAudience');
  });

  test('nobody is answered with a token that has expired, although it was signed by the right key for the right pod', async (t) => {
    const pod = await agentPod(t, 'node-1');
    await until(200, await bearer(pod));
    const now = Math.floor(Date.now() / 1000);
    const account = z
      .object({ metadata: z.object({ uid: z.string() }) })
      .parse(await plane.request('GET', `/api/v1/namespaces/${systemNamespace}/serviceaccounts/smartcopy-agent`));
    const signed = (exp: number) =>
      `Bearer ${signToken(plane.files.tokenKey, {
        aud: [agentTokenAudience],
        exp,
        iat: now - 7200,
        nbf: now - 7200,
        iss: tokenIssuer,
        sub: `system:serviceaccount:${systemNamespace}:smartcopy-agent`,
        'kubernetes.io': {
          namespace: systemNamespace,
          pod: { name: pod.name, uid: pod.uid },
          serviceaccount: { name: 'smartcopy-agent', uid: account.metadata.uid },
        },
      })}`;
    assert.equal((await client.sync(signed(now + 600))).status, 200, 'it differs in nothing but its end');
    await assertRefused(signed(now - 60), 'TokenRefused');

    const short = signed(now + 3);
    await until(200, short);
    const answer = await until(401, short);
    assert.match(syncRefusal.parse(answer.body).message, /^TokenRefused: /, 'that it was good is not remembered beyond its end');
  });

  test('nobody is answered with the token of a pod that is no agent', async (t) => {
    await plane.request('POST', `/api/v1/namespaces/${systemNamespace}/serviceaccounts`, { metadata: { name: 'stranger' } });
    const [unlabelled, orphan, stranger] = [
      await otherPod(t, { labels: { 'app.kubernetes.io/component': 'other' } }),
      await otherPod(t, { isOwned: false }),
      await otherPod(t, { account: 'stranger' }),
    ];
    const last = await agentPod(t, 'node-1');
    await until(200, await bearer(last)); // So that the watch has brought those before it, too.
    await assertRefused(await bearer(unlabelled), 'UnknownPod');
    await assertRefused(await bearer(orphan), 'NotAnAgentPod');
    const bound = { audiences: [agentTokenAudience], boundObjectRef: boundTo(stranger) };
    await assertRefused(await tokenOf('stranger', bound), 'WrongAccount');
    await assertRefused(await tokenOf('smartcopy-operator', { audiences: [agentTokenAudience] }), 'NoPod');
    await assertRefused(await tokenOf('smartcopy-agent', { audiences: [agentTokenAudience] }), 'NoPod');
    const { token } = await requestOperatorToken(plane);
    await assertRefused(`Bearer ${token}`, 'WrongAudience');
  });

  test('a token that claims everything rightly counts for nothing without the signature of the API server', async (t) => {
    const pod = await agentPod(t, 'node-1');
    const good = await bearer(pod);
    await until(200, good);
    const [head, claims] = good.split('.');
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const forged of [`${head}.${claims}.${'x'.repeat(86)}`, `${head}.${claims}.`, `Bearer ${unsigned}.${claims}.`]) {
      await assertRefused(forged, 'TokenRefused');
    }
  });

  test('agents are let in while hundreds of invented tokens are shown, also some that name one of their pods', async (t) => {
    const pods = await Promise.all(Array.from({ length: 10 }, () => agentPod(t, 'node-2')));
    const [named, ...others] = pods;
    assert.ok(named !== undefined);
    const newest = pods.reduce((left, right) => (left.createdAtMs >= right.createdAtMs ? left : right));
    await settle('the watch has brought them', async () => {
      const { status } = await client.sync(await bearer(newest));
      return status === 200 || status === 409 ? true : undefined;
    });
    const asked = () => served.requested.get('tokenreviews') ?? 0;
    const flood = new SyncClient(served.port, await bundle(), { maxSockets: 200 });
    cleanUp(t, () => flood.close());
    const inventions = [
      (count: number) => `Bearer junk-${count}`,
      (count: number) => invented({ podUid: `00000000-0000-4000-8000-${count.toString(16).padStart(12, '0')}`, count }),
    ];
    const before = asked();
    let floodCount = 0;
    let isOver = false;
    const show = async (invent: (count: number) => string): Promise<void> => {
      while (!isOver) {
        floodCount += 1;
        const { status } = await flood.sync(invent(floodCount));
        assert.notEqual(status, 200);
      }
    };
    const showing = Array.from({ length: 200 }, (_, index) => show(inventions[index % 2] ?? String));
    await settle('many were shown', async () => (floodCount > 1_000 ? true : undefined));
    assert.equal(asked(), before, 'nobody asks about them');
    showing.push(...Array.from({ length: 20 }, () => show((count) => invented({ podUid: named.uid, count }))));
    // One of them speaks for the node and the others are told so: each has proven itself.
    const answers = await Promise.all(others.map(async (pod) => (await client.sync(await bearer(pod))).status));
    isOver = true;
    await Promise.all(showing);
    assert.ok(
      answers.every((status) => status === 200 || status === 409),
      answers.join(),
    );
  });

  /** Signed by nobody, and else as the API server would write it. */
  function invented({ podUid, count }: { readonly podUid: string; readonly count: number }): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = {
      aud: [agentTokenAudience],
      exp: Math.floor(Date.now() / 1000) + 600,
      sub: `system:serviceaccount:${systemNamespace}:smartcopy-agent`,
      'kubernetes.io': { namespace: systemNamespace, pod: { name: 'agent', uid: podUid } },
    };
    return `Bearer ${part({ alg: 'ES256' })}.${part(claims)}.${Buffer.from(`${count}`).toString('base64url')}`;
  }

  test('a token is asked about once, also by many requests at once, and counts for nothing as soon as its pod is gone', async (t) => {
    const pod = await agentPod(t, 'node-1');
    const first = await bearer(pod);
    await until(200, first);
    const reviews = () => served.requested.get('tokenreviews') ?? 0;
    const before = reviews();
    const second = await bearer(pod);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.sync(second)));
    assert.ok(answers.every(({ status }) => status === 200));
    await client.sync(first);
    assert.equal(reviews(), before + 1);

    await deletePod(pod);
    const answer = await until(401, first);
    assert.match(syncRefusal.parse(answer.body).message, /^(UnknownPod|PodEnded): /);
    assert.equal((await client.sync(second)).status, 401);
  });

  test('a held request ends with 401 when the pod of the agent goes', async (t) => {
    const pod = await agentPod(t, 'node-3');
    const token = await bearer(pod);
    const { revision } = syncResponse.parse((await until(200, token)).body);
    const beganMs = performance.now();
    const held = client.sync(token, { appliedRevision: revision, waitMs: 25_000 });
    await setTimeout(200);
    await deletePod(pod);
    const { status } = await held;
    assert.equal(status, 401);
    assert.ok(performance.now() - beganMs < 20_000);
  });

  test('of two agents of a node the newer works, and the older is told to end, also while it is held', async (t) => {
    const older = await agentPod(t, 'node-3');
    const olderToken = await bearer(older);
    const { revision } = syncResponse.parse((await until(200, olderToken)).body);
    const held = client.sync(olderToken, { appliedRevision: revision, waitMs: 25_000 });
    await setTimeout(Math.max(0, older.createdAtMs + 1_000 - Date.now())); // The API server counts creation in seconds.
    const newer = await agentPod(t, 'node-3');
    assert.equal((await held).status, 409);
    await until(200, await bearer(newer));
    const { status, body } = await client.sync(olderToken);
    assert.deepEqual([status, syncRefusal.parse(body).code], [409, 'Superseded']);
    assert.equal(served.directory.agentOn('node-3')?.podName, newer.name);
    await deletePod(newer);
    await until(200, olderToken);
  });

  test('what is not a sync request is refused in words that an agent understands', async (t) => {
    const token = await bearer(await agentPod(t, 'node-1'));
    await until(200, token);
    for (const body of ['{', '[]', '{"bootId":1}', JSON.stringify(requestOf({ waitMs: 60_001 }))]) {
      const answer = await client.post(token, body);
      assert.deepEqual([answer.status, syncRefusal.parse(answer.body).code], [400, 'BadRequest'], body);
    }
    const other = await client.post(token, '{}', '/agents/v1/other');
    assert.deepEqual([other.status, syncRefusal.parse(other.body).code], [404, 'BadRequest']);
    const unauthenticated = await client.post(undefined, '{');
    assert.equal(unauthenticated.status, 401, 'a body is not read before it is known whose it is');
  });

  test('a body beyond the bound is refused', async (t) => {
    const token = await bearer(await agentPod(t, 'node-1'));
    await until(200, token);
    const answer = await client.post(token, `"${'x'.repeat(4 * 1024 * 1024)}"`);
    assert.deepEqual([answer.status, syncRefusal.parse(answer.body).code], [413, 'BadRequest']);
  });

  test('the account of the agents may do nothing that every account may not', async () => {
    await plane.request('POST', `/api/v1/namespaces/${systemNamespace}/serviceaccounts`, { metadata: { name: 'nobody' } });
    const rights = (account: string) =>
      plane.kubectl([
        'auth',
        'can-i',
        '--list',
        `--namespace=${systemNamespace}`,
        `--as=system:serviceaccount:${systemNamespace}:${account}`,
      ]);
    const [agents, nobodys] = [await rights('smartcopy-agent'), await rights('nobody')];
    assert.match(agents, /selfsubjectaccessreviews/);
    assert.equal(agents, nobodys);
    assert.notEqual(agents, await rights('smartcopy-operator'));
  });

  test('a NodeAgent says what the agent can do, and goes with its node', async (t) => {
    await createNode(plane, 'node-9', {});
    const token = await bearer(await agentPod(t, 'node-9'));
    await until(200, token);
    const path = '/apis/smartcopy.io/v1alpha1/nodeagents/node-9';
    const answers = async () => {
      const { status, text } = await plane.as(plane.files.admin).ask('GET', path);
      return status === 200 ? storedNodeAgent.parse(JSON.parse(text)) : undefined;
    };
    const ready = await settle('the NodeAgent is ready', async () => {
      const found = await answers();
      return found?.status?.conditions?.[0]?.status === 'True' ? found : undefined;
    });
    assert.deepEqual(ready.status?.capabilities, requestOf().capabilities);
    for (const reports of [[reportOf(shardB, 'Running')], []]) await until(200, token, { reports });
    await setTimeout(300); // Long enough for a write that nothing calls for.
    assert.equal((await answers())?.metadata.resourceVersion, ready.metadata.resourceVersion);
    await until(200, token, { version: '0.2.0' });
    await settle('the NodeAgent follows', async () => ((await answers())?.status?.version === '0.2.0' ? true : undefined));
    await plane.request('DELETE', '/api/v1/nodes/node-9');
    await settle('the NodeAgent is gone', async () => ((await answers()) === undefined ? true : undefined));
  });

  test('certificates and authorities are renewed while agents come and stay, and none of them fails to connect', async (t) => {
    await plane.request('DELETE', secretPath); // Begins with an authority that lives no longer than the others here.
    const rotating = await serve({
      certificates: { authorityLifetimeMs: 12_000, serverLifetimeMs: 6_000, graceMs: 2_000, checkIntervalMs: 100 },
    });
    cleanUp(t, () => rotating.stop());
    await rotating.certificates.check(AbortSignal.timeout(withinMs));
    const token = await bearer(await agentPod(t, 'node-2'));
    let trusted = await bundle();
    const firstAuthority = trusted;
    const staying = new SyncClient(rotating.port, trusted);
    cleanUp(t, () => staying.close());
    const shown = new Set<string>();
    const bundles = new Set<string>();
    rotating.certificates.onChange(({ certificate }) => shown.add(certificate));
    const endMs = performance.now() + 60_000;
    while (trusted.includes(firstAuthority)) {
      assert.ok(performance.now() < endMs, 'the first authority is dropped');
      const coming = new SyncClient(rotating.port, trusted);
      try {
        const answers = [await coming.sync(token), await staying.sync(token)];
        assert.ok(answers.every(({ status }) => status === 200 || bundles.size === 0));
      } finally {
        coming.close();
      }
      bundles.add(trusted);
      trusted = await bundle(); // Later than the operator knows it, sooner than the grace.
      await setTimeout(50);
    }
    assert.ok(shown.size >= 2, `${shown.size} certificates were shown`);
    assert.deepEqual(
      [...bundles].map((text) => text.match(/BEGIN/g)?.length),
      [1, 2],
    );
    const stale = new SyncClient(rotating.port, firstAuthority);
    cleanUp(t, () => stale.close());
    await assert.rejects(stale.sync(token), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    const old = new SyncClient(rotating.port, trusted, { maxVersion: 'TLSv1.2' });
    cleanUp(t, () => old.close());
    await assert.rejects(old.sync(token), /protocol version|ECONNRESET/i);
  });

  test('what the secret holds and cannot be used is made anew, also by two operators at once', async (t) => {
    const [one, two] = [
      await serve({ certificates: { checkIntervalMs: hourMs } }),
      await serve({ certificates: { checkIntervalMs: hourMs } }),
    ];
    cleanUp(t, () => Promise.all([one.stop(), two.stop()]).then(() => undefined));
    const signal = AbortSignal.timeout(60_000);
    const spoilt = [
      () => plane.request('PATCH', secretPath, { data: { 'ca.key': Buffer.from('garbage').toString('base64') } }),
      () => plane.request('PATCH', secretPath, { data: { 'tls.crt': null, 'tls.key': null } }),
      () => plane.request('DELETE', secretPath),
    ];
    for (const spoil of spoilt) {
      const before = await one.certificates.check(signal);
      await spoil();
      const [a, b] = await Promise.all([one.certificates.check(signal), two.certificates.check(signal)]);
      assert.notEqual(a.certificate, before.certificate);
      assert.equal(a.certificate, b.certificate);
      await one.certificates.check(signal); // It mends what the other may have published out of a race.
      const agent = new SyncClient(one.port, await bundle());
      cleanUp(t, () => agent.close());
      assert.equal((await agent.sync(undefined)).status, 401);
    }
    await plane.request('DELETE', `/api/v1/namespaces/${systemNamespace}/configmaps/smartcopy-agent-ca`);
    await one.certificates.check(signal);
    assert.match(await bundle(), /^-----BEGIN CERTIFICATE-----/);
  });

  test('an operator that ends answers the requests that it holds', async (t) => {
    const ending = await serve({ certificates: { checkIntervalMs: hourMs } });
    const agent = new SyncClient(ending.port, await bundle());
    cleanUp(t, () => agent.close());
    const token = await bearer(await agentPod(t, 'node-2'));
    const { revision } = await settle('it knows the pod', async () => {
      const { status, body } = await agent.sync(token);
      return status === 200 ? syncResponse.parse(body) : undefined;
    });
    const held = agent.sync(token, { appliedRevision: revision, waitMs: 25_000 });
    await settle('it is held', async () => (ending.directory.heldCount === 1 ? true : undefined));
    const beganMs = performance.now();
    await ending.stop();
    assert.equal((await held).status, 200);
    assert.ok(performance.now() - beganMs < 4_000);
    assert.equal(ending.answered.at(-1), 200);
    await assert.rejects(agent.sync(token), /ECONNREFUSED|socket hang up/);
  });

  async function settle<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      assert.ok(performance.now() < endMs, what);
      await setTimeout(50);
    }
  }

  function boundTo(pod: ObjectReference) {
    return { kind: 'Pod', apiVersion: 'v1', name: pod.name, uid: pod.uid };
  }
});

/** A JSON web token as the API server signs it (ES256). */
function signToken(key: string, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256' })}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
