import type { Assignment, AssignmentReport, SyncRequest } from '@smartcopy/crds';
import type { AgentIdentity } from '../../src/agents/agent-session.ts';

export const shardA = 'aaaaaaaa-r1-0';
export const shardB = 'bbbbbbbb-r1-0';

export const agentOfNode1: AgentIdentity = { node: 'node-1', podName: 'agent-x', podUid: 'uid-x' };

export function assignmentOf(id: string, changes: Partial<Assignment> = {}): Assignment {
  const end = (alias: string) => ({ alias, hostPath: `/mnt/${alias}`, subPath: 'team', path: 'run42', crossMounts: false });
  return {
    id,
    epoch: 1,
    leaseMs: 60_000,
    spec: {
      job: { namespace: 'climate', name: 'run42', uid: '6f0c3a1e-0000-4000-8000-000000000000' },
      index: 0,
      source: end('scratch'),
      destination: end('archive'),
      update: 'IfDifferent',
      durability: 'Batch',
    },
    ...changes,
  };
}

export function reportOf(assignment: string, state: AssignmentReport['state'], epoch = 1): AssignmentReport {
  return { assignment, epoch, state };
}

export function requestOf(changes: Partial<SyncRequest> = {}): SyncRequest {
  return {
    bootId: 'boot-1',
    instanceId: 'instance-1',
    version: '0.1.0',
    waitMs: 25_000,
    capabilities: { kernelRelease: '6.12.30', architecture: 'x64', cpuCount: 8, memoryBytes: 1024 ** 3, ioUring: 'Full' },
    roots: [{ alias: 'scratch', hostPath: '/mnt/scratch', state: 'Ready' }],
    reports: [],
    ...changes,
  };
}
