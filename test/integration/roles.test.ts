import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import type { ApiClient } from '../support/api-client.ts';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type ControlPlane, controlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';

const skip = lacksControlPlane();
const repository = join(import.meta.dirname, '..', '..');
const system = 'smartcopy-system';
const tenant = 'climate';

test('the rights of SmartCopy and of its users', { skip }, async (t) => {
  const plane = await withManifests(t);

  await t.test("the agents' account has no right that not every account has", async () => {
    await plane.request('POST', `/api/v1/namespaces/${system}/serviceaccounts`, { metadata: { name: 'nobody' } });
    const nobody = await rulesOf(await asAccount(plane, 'nobody'));

    const agent = await rulesOf(await asAccount(plane, 'smartcopy-agent'));

    assert.deepEqual(agent, nobody);
    assert.ok(nobody.length > 0);
    assert.notDeepEqual(await rulesOf(await asAccount(plane, 'smartcopy-operator')), nobody);
  });

  await t.test('the operator may do what it does, and none of what others are for', async () => {
    const operator = await asAccount(plane, 'smartcopy-operator');
    const allowed = [
      'watch transferjobs in climate',
      'patch transferjobs in climate',
      'update transferjobs/status in climate',
      'watch transferpolicies',
      'update transferpolicies/status',
      'delete nodeagents',
      'watch nodes',
      'watch namespaces',
      'create events in climate',
      'create tokenreviews',
      'create subjectaccessreviews',
      `delete transfershards in ${system}`,
      `watch pods in ${system}`,
      `patch secrets smartcopy-agent-tls in ${system}`,
      `patch configmaps smartcopy-agent-ca in ${system}`,
    ];
    const refused = [
      'create transferjobs in climate',
      'delete transferjobs in climate',
      'patch transferpolicies',
      'update transferjobs in climate',
      'create transfershards in climate',
      'watch pods in climate',
      `create pods in ${system}`,
      `create pods/exec in ${system}`,
      `get secrets other in ${system}`,
      `list secrets in ${system}`,
      'get secrets smartcopy-agent-tls in climate',
      'create secrets in climate',
      `delete secrets smartcopy-agent-tls in ${system}`,
      'patch nodes',
      'patch namespaces',
      'create serviceaccounts/token in climate',
      'impersonate users',
      'escalate clusterroles',
    ];
    for (const question of allowed) assert.ok(await may(operator, question), question);
    for (const question of refused) assert.ok(!(await may(operator, question)), question);
  });

  await t.test('who may edit a namespace may make jobs there, who may view it sees them, and neither writes their status', async () => {
    for (const role of ['edit', 'view']) {
      await plane.kubectl(['create', 'serviceaccount', `${role}or`, '-n', tenant]);
      await plane.kubectl(['create', 'rolebinding', role, `--clusterrole=${role}`, `--serviceaccount=${tenant}:${role}or`, '-n', tenant]);
    }
    const [editor, viewer] = [await asAccount(plane, 'editor', tenant), await asAccount(plane, 'viewor', tenant)];
    await eventually('the roles of Kubernetes have been extended', async () => {
      return (await may(viewer, `watch transferjobs in ${tenant}`)) && (await may(editor, `create transferjobs in ${tenant}`));
    });

    assert.deepEqual(await Promise.all(['delete', 'watch'].map((verb) => may(editor, `${verb} transferjobs in ${tenant}`))), [true, true]);
    assert.ok(!(await may(viewer, `create transferjobs in ${tenant}`)));
    assert.ok(!(await may(editor, `create transferjobs in ${system}`)));
    for (const user of [editor, viewer]) assert.ok(!(await may(user, `update transferjobs/status in ${tenant}`)));
  });
});

async function withManifests(t: TestContext): Promise<ControlPlane> {
  const plane = await controlPlane(t);
  await plane.kubectl(['apply', '-f', join(repository, 'crds', 'manifests'), '-f', join(repository, 'operator', 'manifests')]);
  await plane.kubectl(['create', 'namespace', tenant]);
  return plane;
}

async function asAccount(plane: ControlPlane, name: string, namespace = system): Promise<ApiClient> {
  const answer = await plane.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { spec: {} });
  return plane.as(z.object({ status: z.object({ token: z.string() }) }).parse(answer).status);
}

const rules = z.object({ status: z.object({ resourceRules: z.array(z.unknown()), nonResourceRules: z.array(z.unknown()) }) });

/** All that somebody may do in SmartCopy's own namespace and outside of any, in an order that says nothing. */
async function rulesOf(client: ApiClient): Promise<readonly string[]> {
  const review = { spec: { namespace: system } };
  const { status } = rules.parse(await client.request('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', review));
  return [...status.resourceRules, ...status.nonResourceRules].map((rule) => JSON.stringify(rule)).sort();
}

const groups: Readonly<Record<string, string>> = {
  transferjobs: 'smartcopy.io',
  transferpolicies: 'smartcopy.io',
  transfershards: 'smartcopy.io',
  nodeagents: 'smartcopy.io',
  tokenreviews: 'authentication.k8s.io',
  subjectaccessreviews: 'authorization.k8s.io',
  clusterroles: 'rbac.authorization.k8s.io',
};

/** Whether somebody may do something. @param question as in `patch transferjobs/status run42 in climate`; name and namespace may be absent */
async function may(client: ApiClient, question: string): Promise<boolean> {
  const asked = /^(?<verb>\w+) (?<resource>\w+)(\/(?<subresource>\w+))?( (?!in )(?<name>[\w-]+))?( in (?<namespace>[\w-]+))?$/.exec(
    question,
  );
  assert.ok(asked?.groups !== undefined, question);
  const resourceAttributes = { ...asked.groups, group: groups[asked.groups.resource ?? ''] ?? '' };
  const review = { spec: { resourceAttributes } };
  const answer = await client.request('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review);
  return z.object({ status: z.object({ allowed: z.boolean() }) }).parse(answer).status.allowed;
}
