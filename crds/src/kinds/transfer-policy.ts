import { z } from 'zod';
import { conditionOf } from './condition.ts';
import { count } from './count.ts';
import { relativePath } from './endpoint.ts';
import { hostPath } from './host-path.ts';
import type { KindDefinition } from './kind-definition.ts';
import { labelSelector } from './label-selector.ts';
import { mapList } from './list.ts';
import { dnsLabel } from './names.ts';
import { aliases, maxAgentRoots } from './node-agent.ts';
import { type Rule, withRules } from './rule.ts';

/** As many as one agent may open. */
const maxPolicyRoots = maxAgentRoots;

const rootAccess = z.enum(['ReadOnly', 'WriteOnly', 'ReadWrite']);
export type RootAccess = z.infer<typeof rootAccess>;

/** Stands for the name of the job's namespace in a sub path. */
export const namespacePlaceholder = '{namespace}';

/** Read alike by JavaScript and RE2: no braces but in segments that are the placeholder. */
const placeholderOrPlain = '^([^{}/]*|[{]namespace[}])(/([^{}/]*|[{]namespace[}]))*$';

const placeholderIsSegment: Rule<string> = {
  message: `must use braces only as ${namespacePlaceholder}, which stands for a whole segment; for example tenants/${namespacePlaceholder}`,
  holds: (path) => new RegExp(placeholderOrPlain).test(path),
  cel: `self.matches('${placeholderOrPlain}')`,
};

const policyRoot = z.strictObject({
  alias: dnsLabel.describe('The word by which jobs name this root.'),
  hostPath: hostPath.describe(
    'The directory on the nodes, absolute. It opens only where the agent of a node has the same alias for the same directory in its own configuration.',
  ),
  subPath: withRules(relativePath, [placeholderIsSegment])
    .default('')
    .describe(
      'Directory below hostPath that jobs see as the root. {namespace} as a segment stands for the namespace of the job. Empty means hostPath itself. ' +
        'Where it is missing it is created for a job that may write there.',
    ),
  nodeSelector: labelSelector.optional().describe('The nodes on which the root is open, by their labels. Absent means all.'),
  access: rootAccess.default('ReadOnly').describe('ReadOnly: jobs may copy from here. WriteOnly: jobs may copy to here. ReadWrite: both.'),
  crossMounts: z
    .boolean()
    .default(false)
    .describe('Whether jobs enter file systems that are mounted below the root. If not, each is a failure of reason MountPoint.'),
  keepSetuid: z
    .boolean()
    .default(false)
    .describe(
      'Whether files that jobs copy to here keep their setuid and setgid bits: they lend the rights of their owner to whoever runs them.',
    ),
  keepDevices: z
    .boolean()
    .default(false)
    .describe('Whether jobs make devices, FIFOs and sockets here. If not, they are left out and counted in entriesRefused.'),
  keepSecurityXattrs: z
    .boolean()
    .default(false)
    .describe(
      'Whether files that jobs copy to here keep the extended attributes of the namespaces security and trusted, among them the capabilities that a program gets.',
    ),
});
export type PolicyRoot = z.infer<typeof policyRoot>;

/** What an administrator opens to namespaces. What no policy opens is closed. */
export const transferPolicySpec = z.strictObject({
  namespaceSelector: labelSelector.describe('The namespaces whose jobs may use the roots, by their labels; {} means every namespace.'),
  roots: mapList(policyRoot, { least: 1, most: maxPolicyRoots, keys: ['alias'] }).describe(
    'The directories that are opened, each alias once.',
  ),
});
export type TransferPolicySpec = z.infer<typeof transferPolicySpec>;

export const transferPolicyStatus = z.object({
  observedGeneration: count.optional().describe('The metadata.generation that this status is about.'),
  namespaces: count.optional().describe('How many namespaces the policy selects.'),
  aliases: aliases.optional().describe('The aliases that the policy opens, separated by commas.'),
  conditions: mapList(conditionOf(['Ready']), { most: 4, keys: ['type'] })
    .optional()
    .describe(
      'Ready is False with reason AliasConflict while another policy gives a namespace one of the aliases differently. Unreadable: this version cannot read the policy, and it opens nothing.',
    ),
});
export type TransferPolicyStatus = z.infer<typeof transferPolicyStatus>;

export const transferPolicyKind: KindDefinition = {
  kind: 'TransferPolicy',
  plural: 'transferpolicies',
  singular: 'transferpolicy',
  shortNames: ['tpol'],
  scope: 'Cluster',
  description: 'TransferPolicy opens directories of nodes to the jobs of namespaces. What no policy opens is closed.',
  declaredIn: 'crds/src/kinds/transfer-policy.ts',
  spec: transferPolicySpec.describe('Which directories are open to which namespaces, and how.'),
  status: transferPolicyStatus.describe('What is known about the policy; written by SmartCopy alone.'),
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: 'Namespaces', type: 'integer', jsonPath: '.status.namespaces' },
    // Of several values a column shows only the first, so the aliases come as one ready-made string.
    { name: 'Roots', type: 'string', jsonPath: '.status.aliases' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};
