import {
  group,
  type KindDefinition,
  nodeAgentKind,
  type StoredNodeAgent,
  type StoredTransferJob,
  type StoredTransferPolicy,
  type StoredTransferShard,
  storedNodeAgent,
  storedTransferJob,
  storedTransferPolicy,
  storedTransferShard,
  transferJobKind,
  transferPolicyKind,
  transferShardKind,
  version,
} from '@smartcopy/crds';
import type { z } from 'zod';
import type { KubeObject, Resource } from './kube/resource.ts';

// SmartCopy's own kinds, as the controller runtime takes them.

export const transferJobs: Resource<StoredTransferJob> = resourceOf(transferJobKind, storedTransferJob);
export const transferPolicies: Resource<StoredTransferPolicy> = resourceOf(transferPolicyKind, storedTransferPolicy);
export const transferShards: Resource<StoredTransferShard> = resourceOf(transferShardKind, storedTransferShard);
export const nodeAgentResource: Resource<StoredNodeAgent> = resourceOf(nodeAgentKind, storedNodeAgent);

function resourceOf<T extends KubeObject>({ kind, plural, scope }: KindDefinition, schema: z.ZodType<T>): Resource<T> {
  return { group, version, kind, plural, scope, schema };
}
