import { type AcceptedObject, type RefusedObject, rule, structure, unknown } from './cases.ts';

const scratch = { alias: 'scratch', hostPath: '/mnt/scratch' };

/** A policy with the given members of spec over one that opens one root to every namespace. */
export function policyWith(spec: object = {}): { apiVersion: string; kind: string; metadata: { name: string }; spec: object } {
  return {
    apiVersion: 'smartcopy.io/v1alpha1',
    kind: 'TransferPolicy',
    metadata: { name: 'science' },
    spec: { namespaceSelector: {}, roots: [scratch], ...spec },
  };
}

const opening = (changes: object): object => policyWith({ roots: [{ ...scratch, ...changes }] });
const selecting = (namespaceSelector: object): object => policyWith({ namespaceSelector });
const comparing = (expression: object): object => selecting({ matchExpressions: [expression] });
const onNodes = (nodeSelector: object): object => opening({ nodeSelector });

const readyPolicy = {
  observedGeneration: 1,
  namespaces: 2,
  aliases: 'a'.repeat(512),
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-31T09:30:00Z',
      reason: 'Accepted',
      message: 'jobs in the selected namespaces may use its roots',
    },
  ],
};

export const acceptedPolicies: readonly AcceptedObject[] = [
  { name: 'the shortest policy', document: policyWith() },
  {
    name: 'a policy that says everything',
    document: policyWith({
      namespaceSelector: {
        matchLabels: { 'kubernetes.io/metadata.name': 'climate' },
        matchExpressions: [
          { key: 'example.org/team', operator: 'In', values: ['ocean', 'ice'] },
          { key: 'stage', operator: 'NotIn', values: ['test', ''] },
          { key: 'data', operator: 'Exists' },
          { key: 'frozen', operator: 'DoesNotExist', values: [] },
        ],
      },
      roots: [
        {
          ...scratch,
          subPath: 'tenants/{namespace}/data',
          nodeSelector: { matchLabels: { disk: 'nvme' }, matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] },
          access: 'ReadWrite',
          crossMounts: true,
          keepSetuid: true,
          keepDevices: true,
          keepSecurityXattrs: true,
        },
      ],
    }),
  },
  { name: 'a label with an empty value', document: selecting({ matchLabels: { data: '' } }) },
  {
    name: 'a label key and a value as long as they may be',
    document: selecting({ matchLabels: { [`${'a.'.repeat(126)}b/${'c'.repeat(63)}`]: 'v'.repeat(63) } }),
  },
  {
    name: '64 roots, some of one directory',
    document: policyWith({ roots: Array.from({ length: 64 }, (_, index) => ({ ...scratch, alias: `root-${index}` })) }),
  },
  { name: 'a directory beside a closed one', document: opening({ hostPath: '/etcetera' }) },
  { name: 'a directory beside closed ones below /var/lib', document: opening({ hostPath: '/var/lib/kubelets/data' }) },
  { name: 'names that only begin with dots', document: opening({ hostPath: '/.../..a/.b', subPath: '...' }) },
  { name: 'a host path of 1024 bytes', document: opening({ hostPath: `/${'a'.repeat(1023)}` }) },
  { name: 'a sub path that is the placeholder', document: opening({ subPath: '{namespace}' }) },
  { name: 'a sub path with the placeholder at its end, twice', document: opening({ subPath: '{namespace}/{namespace}' }) },
  { name: 'a sub path of 4095 bytes', document: opening({ subPath: 'a'.repeat(4095) }) },
  { name: 'a root to which jobs only write', document: opening({ access: 'WriteOnly' }) },
  { name: 'a policy with a status', document: { ...policyWith(), status: readyPolicy } },
];

const aliasMessage = "must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2";
const absoluteMessage = "must be absolute, without empty, '.' or '..' segments and without '/' at its end; for example /mnt/scratch";
const closedMessage =
  'must not be, hold or lie in a directory that the node itself lives by (/bin, /boot, /dev, /etc, /lib, /lib64, /opt/cni, /proc, /root, /run, ' +
  '/sbin, /sys, /usr, /var/lib/containerd, /var/lib/containers, /var/lib/crio, /var/lib/docker, /var/lib/etcd, /var/lib/kubelet, ' +
  '/var/lib/rancher, /var/run, /var/spool/cron); open a directory of data';
const nulMessage = 'must not contain a NUL character, which no file name can hold; remove it';
const braceMessage = 'must use braces only as {namespace}, which stands for a whole segment; for example tenants/{namespace}';
const keyMessage = 'must be a label key, such as team or example.org/team';
const noLabelMessage = 'must have an entry; to select everything write {} in place of the selector';
const keysMessage = 'must have label keys, such as team or example.org/team';
const valueMessage = "must have label values: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
const valuesMessage = 'must have an entry with In and NotIn, and none with Exists and DoesNotExist; correct the operator or the values';

const hostPath = 'spec.roots[0].hostPath';
const subPath = 'spec.roots[0].subPath';
const namespaces = 'spec.namespaceSelector';
const nodes = 'spec.roots[0].nodeSelector';

const closedPaths = [
  '/etc',
  '/etc/ssl',
  '/usr/share',
  '/proc/1/root',
  '/var/lib/kubelet/pods',
  '/var',
  '/var/lib',
  '/opt',
  '/lib64/x',
  '/run/containerd',
];

const refusedByRule: readonly RefusedObject[] = [
  rule('an alias in capitals', opening({ alias: 'Scratch' }), 'spec.roots[0].alias', aliasMessage),
  rule('a relative host path', opening({ hostPath: 'mnt/scratch' }), hostPath, absoluteMessage),
  rule('the root of the node', opening({ hostPath: '/' }), hostPath, absoluteMessage),
  rule('a host path that goes up', opening({ hostPath: '/mnt/../etc' }), hostPath, absoluteMessage),
  rule('a host path that ends in going up', opening({ hostPath: '/mnt/..' }), hostPath, absoluteMessage),
  rule('a host path with a dot segment', opening({ hostPath: '/mnt/./scratch' }), hostPath, absoluteMessage),
  rule('a host path with an empty segment', opening({ hostPath: '/mnt//scratch' }), hostPath, absoluteMessage),
  rule('a host path that ends in a slash', opening({ hostPath: '/mnt/scratch/' }), hostPath, absoluteMessage),
  rule('a NUL in a host path', opening({ hostPath: '/mnt/a\0b' }), hostPath, nulMessage),
  rule(
    'a host path of 1025 bytes in 1024 characters',
    opening({ hostPath: `/é${'a'.repeat(1022)}` }),
    hostPath,
    'must be at most 1024 bytes of UTF-8',
  ),
  ...closedPaths.map((path) => rule(`the closed directory ${path}`, opening({ hostPath: path }), hostPath, closedMessage)),
  rule('an absolute sub path', opening({ subPath: '/data' }), subPath, "must be relative to the root; remove the leading '/'"),
  rule(
    'a sub path that goes up',
    opening({ subPath: 'a/../b' }),
    subPath,
    "must not contain a '..' segment; name the directory from the root down",
  ),
  rule(
    'a sub path with an empty segment',
    opening({ subPath: 'a//b' }),
    subPath,
    "must not contain an empty or '.' segment or end in '/'; write a/b instead of a//b, ./a/b or a/b/",
  ),
  rule('a NUL in a sub path', opening({ subPath: '\0' }), subPath, nulMessage),
  rule(
    'a sub path of 4096 bytes in 4095 characters',
    opening({ subPath: `é${'a'.repeat(4094)}` }),
    subPath,
    'must be at most 4095 bytes of UTF-8; use a root that lies deeper',
  ),
  rule('the placeholder as a part of a segment', opening({ subPath: 'of-{namespace}' }), subPath, braceMessage),
  rule('another placeholder', opening({ subPath: 'tenants/{name}' }), subPath, braceMessage),
  rule('an open brace', opening({ subPath: '{' }), subPath, braceMessage),
  ...selectors(namespaces, selecting),
  ...selectors(nodes, onNodes),
];

/** What every selector refuses. Nothing may be taken that selects more than it says. */
function selectors(field: string, by: (selector: object) => object): RefusedObject[] {
  const comparingBy = (expression: object): object => by({ matchExpressions: [expression] });
  const [key, values] = [`${field}.matchExpressions[0].key`, `${field}.matchExpressions[0].values`];
  return [
    rule(`${field}: no label at all`, by({ matchLabels: {} }), `${field}.matchLabels`, noLabelMessage),
    rule(`${field}: a label key with a blank`, by({ matchLabels: { 'the team': 'a' } }), `${field}.matchLabels`, keysMessage),
    rule(`${field}: an empty label key`, by({ matchLabels: { '': 'a' } }), `${field}.matchLabels`, keysMessage),
    rule(`${field}: a label value with a blank`, by({ matchLabels: { team: 'a b' } }), `${field}.matchLabels`, valueMessage),
    rule(`${field}: an empty key`, comparingBy({ key: '', operator: 'DoesNotExist' }), key, keyMessage),
    rule(`${field}: a key that no label can have`, comparingBy({ key: 'a/b/c', operator: 'DoesNotExist' }), key, keyMessage),
    rule(`${field}: a key with two dots in a row`, comparingBy({ key: 'a..b/c', operator: 'DoesNotExist' }), key, keyMessage),
    rule(`${field}: a value that no label can have`, comparingBy({ key: 'team', operator: 'NotIn', values: ['-a'] }), values, valueMessage),
    rule(`${field}: In without values`, comparingBy({ key: 'team', operator: 'In' }), values, valuesMessage),
    rule(`${field}: NotIn with no values`, comparingBy({ key: 'team', operator: 'NotIn', values: [] }), values, valuesMessage),
    rule(`${field}: Exists with values`, comparingBy({ key: 'team', operator: 'Exists', values: ['a'] }), values, valuesMessage),
  ];
}

const manyLabels = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`label-${index}`, '']));

const refusedByStructure: readonly RefusedObject[] = [
  structure('no spec', { ...policyWith(), spec: undefined }, 'spec', 'is required'),
  structure('no selector of namespaces', policyWith({ namespaceSelector: undefined }), namespaces, 'is required'),
  structure('no roots', policyWith({ roots: undefined }), 'spec.roots', 'is required'),
  structure('an empty list of roots', policyWith({ roots: [] }), 'spec.roots', 'must be at least 1 entry long'),
  structure(
    '65 roots',
    policyWith({ roots: Array.from({ length: 65 }, (_, index) => ({ ...scratch, alias: `root-${index}` })) }),
    'spec.roots',
    'must be at most 64 entries long',
  ),
  structure(
    'one alias twice',
    policyWith({ roots: [scratch, { ...scratch, hostPath: '/mnt/b' }] }),
    'spec.roots[1]',
    'must not repeat the alias of an entry before it',
  ),
  structure('a root without an alias', opening({ alias: undefined }), 'spec.roots[0].alias', 'is required'),
  structure('a root without a directory', opening({ hostPath: undefined }), hostPath, 'is required'),
  structure(
    'a host path of 1025 characters',
    opening({ hostPath: `/${'a'.repeat(1024)}` }),
    hostPath,
    'must be at most 1024 characters long',
  ),
  structure('an empty host path', opening({ hostPath: '' }), hostPath, 'must be at least 1 character long'),
  structure('another kind of access', opening({ access: 'Any' }), 'spec.roots[0].access', 'must be ReadOnly, WriteOnly, or ReadWrite'),
  structure('a word for keepSetuid', opening({ keepSetuid: 'no' }), 'spec.roots[0].keepSetuid', 'must be true or false, not a string'),
  structure('a number for keepDevices', opening({ keepDevices: 1 }), 'spec.roots[0].keepDevices', 'must be true or false, not a number'),
  structure('a word for crossMounts', opening({ crossMounts: 'no' }), 'spec.roots[0].crossMounts', 'must be true or false, not a string'),
  structure(
    'another operator',
    comparing({ key: 'a', operator: 'Gt', values: ['1'] }),
    `${namespaces}.matchExpressions[0].operator`,
    'must be In, NotIn, Exists, or DoesNotExist',
  ),
  structure(
    'a number as a label value',
    selecting({ matchLabels: { a: 1 } }),
    `${namespaces}.matchLabels.a`,
    'must be a string, not a number',
  ),
  structure(
    'a label value of 64 characters',
    selecting({ matchLabels: { a: 'v'.repeat(64) } }),
    `${namespaces}.matchLabels.a`,
    'must be at most 63 characters long',
  ),
  structure('17 labels', selecting({ matchLabels: manyLabels }), `${namespaces}.matchLabels`, 'must be at most 16 entries long'),
  structure(
    'nine expressions',
    selecting({ matchExpressions: Array.from({ length: 9 }, () => ({ key: 'a', operator: 'Exists' })) }),
    `${namespaces}.matchExpressions`,
    'must be at most 8 entries long',
  ),
  structure(
    'another type of condition',
    { ...policyWith(), status: { conditions: readyPolicy.conditions.map((condition) => ({ ...condition, type: 'Stalled' })) } },
    'status.conditions[0].type',
    'must be Ready',
  ),
];

const refusedAsUnknown: readonly RefusedObject[] = [
  unknown('a field of later in a root', opening({ shared: true }), 'spec.roots[0].shared'),
  unknown('a field of later in spec', policyWith({ limits: {} }), 'spec.limits'),
  unknown('a misspelt member of a selector', selecting({ matchLabel: { a: 'b' } }), `${namespaces}.matchLabel`),
];

export const refusedPolicies: readonly RefusedObject[] = [...refusedByRule, ...refusedByStructure, ...refusedAsUnknown];
