import { type AcceptedObject, type RefusedObject, rule, structure } from './cases.ts';

const capabilities = { kernelRelease: '6.12.30', architecture: 'x64', cpuCount: 8, memoryBytes: 34_359_738_368, ioUring: 'Full' };
const scratch = { alias: 'scratch', hostPath: '/mnt/scratch', state: 'Ready' };

/** A status with every field. */
export const agentStatus = {
  version: '0.1.0',
  pod: 'smartcopy-agent-x7k2p',
  capabilities,
  roots: [
    { ...scratch, message: 'm'.repeat(256), fileSystem: 'xfs', storage: 'Nvme', reflink: 'Yes', readOnly: false },
    { ...scratch, hostPath: '/mnt/slow', state: 'Missing' },
  ],
  aliases: 'scratch',
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      lastTransitionTime: '2026-01-31T09:30:00Z',
      reason: 'RootsMissing',
      message: 'no directory is mounted for scratch at /mnt/slow',
    },
  ],
};

/** An object about the agent of a node, with the given members over those of a full status. */
export function nodeAgentWith(status: object = {}): { apiVersion: string; kind: string; metadata: { name: string }; status: object } {
  return { apiVersion: 'smartcopy.io/v1alpha1', kind: 'NodeAgent', metadata: { name: 'worker-1' }, status: { ...agentStatus, ...status } };
}

const withRoot = (changes: object): object => nodeAgentWith({ roots: [{ ...scratch, ...changes }] });

export const acceptedNodeAgents: readonly AcceptedObject[] = [
  { name: 'an agent with every field', document: nodeAgentWith() },
  { name: 'an agent without roots', document: nodeAgentWith({ roots: [], aliases: undefined, conditions: undefined }) },
  {
    name: '64 roots',
    document: nodeAgentWith({ roots: Array.from({ length: 64 }, (_, index) => ({ ...scratch, hostPath: `/mnt/${index}` })) }),
  },
];

export const refusedNodeAgents: readonly RefusedObject[] = [
  rule(
    'an alias in capitals',
    withRoot({ alias: 'Scratch' }),
    'status.roots[0].alias',
    "must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2",
  ),
  ...(['version', 'pod', 'capabilities', 'roots'] as const).map((member) =>
    structure(`no ${member}`, nodeAgentWith({ [member]: undefined }), `status.${member}`, 'is required'),
  ),
  structure(
    'no CPU',
    nodeAgentWith({ capabilities: { ...capabilities, cpuCount: 0 } }),
    'status.capabilities.cpuCount',
    'must be at least 1',
  ),
  structure(
    'another word for io_uring',
    nodeAgentWith({ capabilities: { ...capabilities, ioUring: 'Yes' } }),
    'status.capabilities.ioUring',
    'must be Full, Limited, or None',
  ),
  structure('another state of a root', withRoot({ state: 'Lost' }), 'status.roots[0].state', 'must be Ready or Missing'),
  structure(
    'another kind of storage',
    withRoot({ storage: 'Tape' }),
    'status.roots[0].storage',
    'must be Memory, Network, Nvme, SolidState, Rotational, Virtual, Loop, or Unknown',
  ),
  structure(
    'a host path of 1025 characters',
    withRoot({ hostPath: `/${'a'.repeat(1024)}` }),
    'status.roots[0].hostPath',
    'must be at most 1024 characters long',
  ),
  structure(
    'one root twice',
    nodeAgentWith({ roots: [scratch, scratch] }),
    'status.roots[1]',
    'must not repeat the alias and hostPath of an entry before it',
  ),
  structure(
    '65 roots',
    nodeAgentWith({ roots: Array.from({ length: 65 }, (_, index) => ({ ...scratch, hostPath: `/mnt/${index}` })) }),
    'status.roots',
    'must be at most 64 entries long',
  ),
];
