import { z } from 'zod';
import { conditionOf } from './condition.ts';
import { count } from './count.ts';
import type { KindDefinition } from './kind-definition.ts';
import { mapList } from './list.ts';
import { dnsLabel } from './names.ts';

/** What an agent can do on its node. */
export const agentCapabilities = z.object({
  kernelRelease: z.string().max(64).describe('Kernel of the node, such as 6.12.30.'),
  architecture: z.string().max(16).describe('x64 or arm64.'),
  cpuCount: z.int().min(1).meta({ format: 'int32' }).describe('CPUs that the agent may use.'),
  memoryBytes: count.describe('Memory that the agent may use.'),
  ioUring: z
    .enum(['Full', 'Limited', 'None'])
    .describe('What io_uring offers there: Full from 5.6, Limited from 5.1, None where it is missing or forbidden.'),
});
export type AgentCapabilities = z.infer<typeof agentCapabilities>;

/** A root as the agent's own configuration has it: the second key beside a TransferPolicy. */
const agentRoot = z.object({
  alias: dnsLabel.describe('The word by which policies and jobs name it.'),
  hostPath: z.string().max(1024).describe('The directory on the node, as policies name it.'),
  state: z.enum(['Ready', 'Missing']).describe('Missing: the configuration names it, but no directory is mounted there.'),
  message: z.string().max(256).optional().describe('What is wrong with it.'),
  fileSystem: z.string().max(32).optional().describe('Type of its file system, such as xfs.'),
  storage: z
    .enum(['Memory', 'Network', 'Nvme', 'SolidState', 'Rotational', 'Virtual', 'Loop', 'Unknown'])
    .optional()
    .describe('What it is stored on, as far as the kernel says.'),
  reflink: z.enum(['Yes', 'Maybe', 'No']).optional().describe('Whether its file system shares extents instead of copying them.'),
  readOnly: z.boolean().optional().describe('Whether it is mounted read-only.'),
});
export type AgentRoot = z.infer<typeof agentRoot>;

/** As many roots as one agent may open. */
export const maxAgentRoots = 64;

/** An alias may stand for several directories: policies choose one for each namespace. */
export const agentRoots = mapList(agentRoot, { most: maxAgentRoots, keys: ['alias', 'hostPath'] });

const maxAliasesLength = 512;
/** Aliases for people, in one string, because a column of `kubectl get` shows one value. */
export const aliases = z.string().max(maxAliasesLength);

/** The aliases of roots for a status, each once, in their order; `…` ends a text that would be too long. */
export function describeAliases(roots: readonly { readonly alias: string }[]): string {
  const text = [...new Set(roots.map(({ alias }) => alias))].join(',');
  return text.length <= maxAliasesLength ? text : `${text.slice(0, text.lastIndexOf(',', maxAliasesLength - 2))},…`;
}

export const nodeAgentStatus = z.object({
  version: z.string().max(64).describe('Version of SmartCopy that the agent runs.'),
  pod: z.string().max(253).describe('The agent pod that speaks for the node.'),
  capabilities: agentCapabilities.describe('What the agent can do there.'),
  roots: agentRoots.describe('The directories that its own configuration opens.'),
  aliases: aliases.optional().describe('The aliases of these roots, separated by commas.'),
  conditions: mapList(conditionOf(['Ready']), { most: 4, keys: ['type'] })
    .optional()
    .describe(
      'Ready is True while the agent is heard from; its reason is AgentLost when it is not, NotApplied when the agent does not take what it is sent, and RootsMissing when a root is not mounted.',
    ),
});
export type NodeAgentStatus = z.infer<typeof nodeAgentStatus>;

export const nodeAgentKind: KindDefinition = {
  kind: 'NodeAgent',
  plural: 'nodeagents',
  singular: 'nodeagent',
  shortNames: ['nag'],
  scope: 'Cluster',
  description: 'NodeAgent says what the agent on the node of the same name can do. Written by SmartCopy, on change only.',
  declaredIn: 'crds/src/kinds/node-agent.ts',
  status: nodeAgentStatus.describe('What the agent of the node reports.'),
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Roots', type: 'string', jsonPath: '.status.aliases' },
    { name: 'Kernel', type: 'string', jsonPath: '.status.capabilities.kernelRelease', priority: 1 },
    { name: 'IO_uring', type: 'string', jsonPath: '.status.capabilities.ioUring', priority: 1 },
    { name: 'CPUs', type: 'integer', jsonPath: '.status.capabilities.cpuCount', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};
