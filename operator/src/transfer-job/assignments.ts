import type { Allowance, AssignedEnd, Assignment, StoredTransferJob, StoredTransferShard } from '@smartcopy/crds';
import { maxAssignments } from '@smartcopy/crds';
import type { NodeWork } from '../agents/agent-directory.ts';
import type { Store } from '../kube/store.ts';
import type { PolicyStores } from '../policy/reconcile.ts';
import type { ResolvedRoot } from '../policy/resolve-root.ts';
import { allowedRoots, type JobEnd, resolveEnds } from './job-ends.ts';
import { hasEnded, isShardEnded, shardNameOf } from './resources.ts';

export interface WorkStores extends PolicyStores {
  readonly jobs: Store<StoredTransferJob>;
  readonly shards: Store<StoredTransferShard>;
}

/** Long enough to outlive a few lost exchanges, short enough that a lost agent does not hold bandwidth for long. */
const allowanceValidForMs = 15_000;

interface ShardOfJob {
  readonly shard: StoredTransferShard;
  readonly job: StoredTransferJob;
}

/**
 * Everything that the agent of a node should be doing: derived from what is stored whenever it is asked for, never kept.
 * @param leaseMs how long the agent may go on without hearing from the operator
 */
export function workFor(node: string, stores: WorkStores, leaseMs: number): NodeWork {
  const work = stores.shards
    .by('node', node)
    .toSorted(byAge)
    .flatMap((shard) => wantedWork(shard, stores, leaseMs))
    // The exchange has room for no more; the oldest shards come first and the others wait.
    .slice(0, maxAssignments)
    .sort((left, right) => (left.assignment.id < right.assignment.id ? -1 : 1));
  return { assignments: work.map(({ assignment }) => assignment), allowances: work.map(({ allowance }) => allowance) };
}

function byAge(left: StoredTransferShard, right: StoredTransferShard): number {
  const [a, b] = [left, right].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.name}`);
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

interface Work {
  readonly assignment: Assignment;
  readonly allowance: Allowance;
}

/** Nothing when the shard's work is not to be done now, for whatever reason: to stop work is to leave it out. */
function wantedWork(shard: StoredTransferShard, stores: WorkStores, leaseMs: number): readonly Work[] {
  const job = stores.jobs.get(shard.spec.jobRef);
  if (job === undefined || !isWanted({ shard, job })) return [];
  const ends = resolveEnds(job, stores);
  const roots = allowedRoots(ends);
  if (roots === undefined || ends.source.node !== shard.spec.node || ends.destination.node !== shard.spec.node) return [];
  const { name: id } = shard.metadata;
  const spec = {
    job: { namespace: job.metadata.namespace, name: job.metadata.name, uid: job.metadata.uid },
    index: shard.spec.index,
    source: assignedEnd(ends.source, roots.source),
    destination: assignedEnd(ends.destination, roots.destination),
    ...howToCopy(job),
  };
  return [
    {
      assignment: { id, epoch: shard.spec.epoch, leaseMs, spec },
      allowance: { assignment: id, bytesPerSecond: job.spec.bandwidth?.limit ?? null, validForMs: allowanceValidForMs },
    },
  ];
}

function isWanted({ shard, job }: ShardOfJob): boolean {
  return (
    job.metadata.uid === shard.spec.jobUID &&
    shard.metadata.name === shardNameOf(job) &&
    shard.metadata.deletionTimestamp === undefined &&
    job.metadata.deletionTimestamp === undefined &&
    !job.spec.suspend &&
    !hasEnded(job) &&
    !isShardEnded(shard)
  );
}

function assignedEnd({ alias, path }: JobEnd, { hostPath, subPath, crossMounts }: ResolvedRoot): AssignedEnd {
  return { alias, hostPath, subPath, path, crossMounts };
}

function howToCopy({ spec: { update, verify, durability, parallelism, engine } }: StoredTransferJob) {
  const threadCount = parallelism?.threadsPerNode;
  const bufferBytes = engine?.bufferSize;
  return {
    update,
    durability,
    ...(verify === undefined ? {} : { verify }),
    ...(threadCount === undefined ? {} : { threadCount }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
  };
}
