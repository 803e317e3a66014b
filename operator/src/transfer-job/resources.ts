import { group, type StoredMeta, type StoredTransferJob, type StoredTransferShard } from '@smartcopy/crds';
import { transferJobs } from '../kinds.ts';
import { type KubeObject, keyText, metadataOnly, type Resource } from '../kube/resource.ts';

/** Keeps a job while an agent may still work on it. */
export const shardsFinalizer = `${group}/shards`;

/** A job of which no more is read than every object has: one that this build cannot read must still be able to go. */
export const transferJobMetadata: Resource<KubeObject> = { ...transferJobs, schema: metadataOnly };

/** Indexes of the store of jobs. Jobs that have ended are in those alone that tell of what they still have to clean up. */
export const jobIndexes = {
  namespace: (job: StoredTransferJob): readonly string[] => (hasEnded(job) ? [] : [job.metadata.namespace]),
  node: (job: StoredTransferJob): readonly string[] => (hasEnded(job) ? [] : nodesOf(job)),
  /** Whose shard has this name: one that cannot be read does not say it itself. */
  shard: (job: StoredTransferJob): readonly string[] =>
    hasEnded(job) && !job.metadata.finalizers.includes(shardsFinalizer) ? [] : [shardNameOf(job)],
};

/** Indexes of the store of shards. */
export const shardIndexes = {
  node: (shard: StoredTransferShard): readonly string[] => [shard.spec.node],
  job: (shard: StoredTransferShard): readonly string[] => [keyText(shard.spec.jobRef)],
};

/** The nodes that a job names. */
export function nodesOf({ spec: { source, destination } }: StoredTransferJob): readonly string[] {
  return [...new Set([source.nodePath.nodeName, destination.nodePath.nodeName])];
}

/** Whether the job is Complete or Failed, which it stays. */
export function hasEnded({ status }: StoredTransferJob): boolean {
  return status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') ?? false;
}

/** Whether the work on a shard is over, well or not. */
export function isShardEnded({ status }: StoredTransferShard): boolean {
  return status !== undefined && status.state !== 'Assigned';
}

/** The name of the one shard of a job: always the same, so that a second attempt to create it finds the first. */
export function shardNameOf({ metadata }: { readonly metadata: Pick<StoredMeta, 'uid'> }): string {
  return `${metadata.uid.slice(0, 8)}-r1-0`;
}
