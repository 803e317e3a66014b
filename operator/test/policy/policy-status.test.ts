import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextPolicyStatus, type PolicyObserved, unreadableStatus } from '../../src/policy/policy-status.ts';
import { storedPolicy } from './policy-cases.ts';

const nowMs = Date.parse('2026-01-31T10:00:00Z');
const scratch = { alias: 'scratch', hostPath: '/mnt/scratch' };
const other = { alias: 'scratch', hostPath: '/mnt/other' };
const nvme = { matchLabels: { disk: 'nvme' } };
const hdd = { matchLabels: { disk: 'hdd' } };
const policy = storedPolicy('mine', { namespaceSelector: { matchLabels: { team: 'climate' } }, roots: [scratch] });
const seen: PolicyObserved = {
  policy,
  policies: [policy],
  namespaces: [
    { name: 'climate', labels: { team: 'climate' } },
    { name: 'climate-test', labels: { team: 'climate' } },
    { name: 'ocean', labels: { team: 'ocean' } },
  ],
  nodes: [{ name: 'worker-1', labels: { disk: 'nvme' } }],
  nowMs,
};

test('a policy without contradiction is ready and counts its namespaces', () => {
  assert.deepEqual(nextPolicyStatus(seen), {
    observedGeneration: 1,
    namespaces: 2,
    aliases: 'scratch',
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-31T10:00:00Z',
        reason: 'Accepted',
        message: 'jobs in the selected namespaces may use its roots',
      },
    ],
  });
});

type Root = Parameters<typeof storedPolicy>[1]['roots'][number];
const pairs: readonly (readonly [string, boolean, { mine?: Root; theirs: Root; namespaces?: object }])[] = [
  ['gives the same alias another directory', true, { theirs: other }],
  ['says the very same', false, { theirs: scratch }],
  ['gives it to other namespaces', false, { theirs: other, namespaces: { matchLabels: { team: 'ocean' } } }],
  ['gives it to a namespace that does not exist', false, { theirs: other, namespaces: { matchLabels: { team: 'space' } } }],
  ['opens another alias', false, { theirs: { ...other, alias: 'archive' } }],
  ['opens it on a node where mine is open', true, { mine: { ...scratch, nodeSelector: nvme }, theirs: other }],
  ['opens it on nodes where mine is not', false, { mine: { ...scratch, nodeSelector: hdd }, theirs: { ...other, nodeSelector: nvme } }],
  ['opens it on nodes that do not exist', false, { theirs: { ...other, nodeSelector: hdd } }],
];

for (const [name, isConflict, { mine = scratch, theirs, namespaces = {} }] of pairs) {
  test(`a policy is ${isConflict ? 'not ' : ''}ready while another ${name}`, () => {
    const one = storedPolicy('mine', { namespaceSelector: { matchLabels: { team: 'climate' } }, roots: [mine] });
    const two = storedPolicy('theirs', { namespaceSelector: namespaces, roots: [theirs] });
    const [ready] = nextPolicyStatus({ ...seen, policy: one, policies: [two, one] }).conditions ?? [];
    assert.equal(ready?.status, isConflict ? 'False' : 'True');
    assert.equal(ready?.reason, isConflict ? 'AliasConflict' : 'Accepted');
    if (isConflict) assert.match(ready?.message ?? '', /'theirs' opens the root 'scratch' differently to the namespace 'climate'/);
  });
}

test('a contradiction on every node is one before there are nodes', () => {
  const two = storedPolicy('theirs', { namespaceSelector: {}, roots: [other] });
  const [ready] = nextPolicyStatus({ ...seen, policies: [policy, two], nodes: [] }).conditions ?? [];
  assert.equal(ready?.reason, 'AliasConflict');
});

test('the time of a transition stays until the next one', () => {
  const before = nextPolicyStatus(seen);
  const known = { ...seen, policy: { ...policy, status: before } };
  assert.deepEqual(nextPolicyStatus({ ...known, nowMs: nowMs + 60_000 }), before);
  const contradicting = storedPolicy('theirs', { namespaceSelector: {}, roots: [other] });
  const [ready] = nextPolicyStatus({ ...known, policies: [policy, contradicting], nowMs: nowMs + 60_000 }).conditions ?? [];
  assert.equal(ready?.lastTransitionTime, '2026-01-31T10:01:00Z');
});

test('a policy that cannot be read keeps what was known of it and says that it opens nothing', () => {
  const known = { metadata: { ...policy.metadata, generation: 2 }, status: nextPolicyStatus(seen) };
  const status = unreadableStatus(known, ['spec.roots[0].access: must be ReadOnly, WriteOnly, or ReadWrite'], nowMs + 60_000);
  const [ready] = status.conditions ?? [];
  assert.deepEqual(status, { observedGeneration: 2, namespaces: 2, aliases: 'scratch', conditions: [ready] });
  assert.deepEqual(
    { ...ready, message: '' },
    {
      type: 'Ready',
      status: 'False',
      observedGeneration: 2,
      lastTransitionTime: '2026-01-31T10:01:00Z',
      reason: 'Unreadable',
      message: '',
    },
  );
  assert.match(ready?.message ?? '', /opens nothing.*: spec.roots\[0\].access: must be ReadOnly/);
  assert.deepEqual(
    unreadableStatus({ ...known, status }, ['spec.roots[0].access: must be ReadOnly, WriteOnly, or ReadWrite'], nowMs + 120_000),
    status,
  );
});

test('what is wrong with a policy fits into its condition, however much it is', () => {
  const [ready] =
    unreadableStatus(
      { metadata: policy.metadata },
      Array.from({ length: 100 }, () => 'is \u001b語'.repeat(20)),
      nowMs,
    ).conditions ?? [];
  assert.ok((ready?.message.length ?? 0) <= 1_024);
  assert.ok(!ready?.message.includes('\u001b'));
});
