import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredTransferPolicy } from '@smartcopy/crds';
import { type RootRequest, resolveRoot } from '../../src/policy/resolve-root.ts';
import { storedPolicy } from './policy-cases.ts';

const climate = { matchLabels: { team: 'climate' } };
const scratch = { alias: 'scratch', hostPath: '/mnt/scratch' };
const nothingPlanted = { keepSetuid: false, keepDevices: false, keepSecurityXattrs: false };
const request: RootRequest = {
  namespace: { name: 'climate', labels: { team: 'climate' } },
  node: { name: 'worker-1', labels: { disk: 'nvme' } },
  alias: 'scratch',
  need: 'Read',
};

const resolved: readonly (readonly [string, readonly StoredTransferPolicy[], Partial<RootRequest>, object])[] = [
  [
    'a root of a policy that selects the namespace',
    [storedPolicy('open', { namespaceSelector: climate, roots: [scratch] })],
    {},
    { hostPath: '/mnt/scratch', subPath: '', crossMounts: false, ...nothingPlanted, policy: 'open' },
  ],
  [
    'a root that is open on the nodes of a label',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, nodeSelector: { matchLabels: { disk: 'nvme' } } }] })],
    {},
    { hostPath: '/mnt/scratch', subPath: '', crossMounts: false, ...nothingPlanted, policy: 'open' },
  ],
  [
    'the namespace in the place of its segment',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, subPath: 'tenants/{namespace}/data', crossMounts: true }] })],
    {},
    { hostPath: '/mnt/scratch', subPath: 'tenants/climate/data', crossMounts: true, ...nothingPlanted, policy: 'open' },
  ],
  [
    'what may be planted there',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, keepSetuid: true, keepSecurityXattrs: true }] })],
    {},
    {
      hostPath: '/mnt/scratch',
      subPath: '',
      crossMounts: false,
      ...nothingPlanted,
      keepSetuid: true,
      keepSecurityXattrs: true,
      policy: 'open',
    },
  ],
  [
    'a root that may be written',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, access: 'WriteOnly' }] })],
    { need: 'Write' },
    { hostPath: '/mnt/scratch', subPath: '', crossMounts: false, ...nothingPlanted, policy: 'open' },
  ],
  [
    'two policies that say the same, by the name of the first',
    [
      storedPolicy('second', { namespaceSelector: {}, roots: [{ ...scratch, access: 'ReadOnly', subPath: '' }] }),
      storedPolicy('first', { namespaceSelector: climate, roots: [scratch] }),
    ],
    {},
    { hostPath: '/mnt/scratch', subPath: '', crossMounts: false, ...nothingPlanted, policy: 'first' },
  ],
  [
    'one of two policies that mean different nodes',
    [
      storedPolicy('hdd', {
        namespaceSelector: {},
        roots: [{ alias: 'scratch', hostPath: '/mnt/slow', nodeSelector: { matchLabels: { disk: 'hdd' } } }],
      }),
      storedPolicy('nvme', { namespaceSelector: {}, roots: [{ ...scratch, nodeSelector: { matchLabels: { disk: 'nvme' } } }] }),
    ],
    {},
    { hostPath: '/mnt/scratch', subPath: '', crossMounts: false, ...nothingPlanted, policy: 'nvme' },
  ],
];

for (const [name, policies, change, expected] of resolved) {
  test(`a job may use ${name}`, () => {
    assert.deepEqual(resolveRoot(policies, { ...request, ...change }), { kind: 'resolved', ...expected });
  });
}

const denied: readonly (readonly [string, readonly StoredTransferPolicy[], Partial<RootRequest>, string, RegExp])[] = [
  ['where there is no policy', [], {}, 'NoPolicy', /no TransferPolicy selects the namespace 'climate'; write one .*'scratch'/],
  [
    'where every policy selects other namespaces',
    [storedPolicy('open', { namespaceSelector: { matchLabels: { team: 'ocean' } }, roots: [scratch] })],
    {},
    'NoPolicy',
    /'climate'/,
  ],
  [
    'where its policies open other roots',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, alias: 'archive' }] })],
    {},
    'PathDenied',
    /opens the root 'scratch' on the node 'worker-1'.*add it to 'open'/,
  ],
  [
    'where the root is open on other nodes',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, nodeSelector: { matchLabels: { disk: 'hdd' } } }] })],
    {},
    'PathDenied',
    /'worker-1'/,
  ],
  [
    'to write what is open for reading',
    [storedPolicy('open', { namespaceSelector: {}, roots: [scratch] })],
    { need: 'Write' },
    'AccessDenied',
    /'open' opens the root 'scratch' as ReadOnly, not for writing; set its access to WriteOnly or ReadWrite/,
  ],
  [
    'to read what is open for writing',
    [storedPolicy('open', { namespaceSelector: {}, roots: [{ ...scratch, access: 'WriteOnly' }] })],
    {},
    'AccessDenied',
    /as WriteOnly, not for reading/,
  ],
];

for (const [name, policies, change, reason, message] of denied) {
  test(`a job is refused ${name}`, () => {
    const resolution = resolveRoot(policies, { ...request, ...change });
    assert.ok(resolution.kind === 'denied');
    assert.equal(resolution.reason, reason);
    assert.match(resolution.message, message);
  });
}

const differences = [
  { hostPath: '/mnt/other' },
  { subPath: 'below' },
  { access: 'ReadWrite' as const },
  { crossMounts: true },
  { keepSetuid: true },
  { keepDevices: true },
  { keepSecurityXattrs: true },
];

for (const difference of differences) {
  test(`two policies contradict each other by ${JSON.stringify(difference)}, in whatever order they come`, () => {
    const policies = [
      storedPolicy('a', { namespaceSelector: {}, roots: [scratch] }),
      storedPolicy('b', { namespaceSelector: climate, roots: [{ ...scratch, ...difference }] }),
    ];
    const [one, other] = [resolveRoot(policies, request), resolveRoot(policies.toReversed(), request)];
    assert.deepEqual(one, other);
    assert.ok(one.kind === 'denied');
    assert.equal(one.reason, 'AliasConflict');
    assert.match(one.message, /'a' and 'b' open the root 'scratch' differently/);
  });
}

test('a policy that was changed into what cannot be read opens nothing, and nobody else opens anything to whom it selected', () => {
  const policies = ['a', 'b'].map((name) => storedPolicy(name, { namespaceSelector: climate, roots: [scratch] }));
  const resolution = resolveRoot(policies, request, ({ metadata }) => metadata.name === 'b');
  assert.ok(resolution.kind === 'denied');
  assert.equal(resolution.reason, 'PolicyUnreadable');
  assert.match(resolution.message, /'b', which selected the namespace 'climate', .* cannot read; correct or delete it/);
  const elsewhere = { ...request, namespace: { name: 'ocean', labels: { team: 'ocean' } } };
  const open = storedPolicy('open', { namespaceSelector: {}, roots: [scratch] });
  assert.equal(resolveRoot([...policies, open], elsewhere, ({ metadata }) => metadata.name === 'b').kind, 'resolved');
});

test('a contradiction is told before what neither side would allow', () => {
  const policies = [
    storedPolicy('a', { namespaceSelector: {}, roots: [scratch] }),
    storedPolicy('b', { namespaceSelector: {}, roots: [{ ...scratch, hostPath: '/mnt/other' }] }),
  ];
  const resolution = resolveRoot(policies, { ...request, need: 'Write' });
  assert.equal(resolution.kind === 'denied' && resolution.reason, 'AliasConflict');
});
