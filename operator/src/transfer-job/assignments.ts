import type { Allowance, AssignedEnd, Assignment, StoredTransferJob, StoredTransferShard } from '@smartcopy/crds';
import { maxAssignments, maxSyncBytes } from '@smartcopy/crds';
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

/** What one answer may say about shards: an agent refuses more than `maxSyncBytes`, and a control character of a path takes six bytes. */
const maxWorkBytes = maxSyncBytes / 2;

interface ShardOfJob {
  readonly shard: StoredTransferShard;
  readonly job: StoredTransferJob;
}

/**
 * Everything that the agent of a node should be doing: derived from what is stored whenever it is asked for, never kept.
 */
export function workFor(node: string, stores: WorkStores): NodeWork {
  const work = fittingWork(node, stores).work.toSorted((left, right) => (left.assignment.id < right.assignment.id ? -1 : 1));
  return { assignments: work.map(({ assignment }) => assignment), allowances: work.map(({ allowance }) => allowance) };
}

/** Which shards the agent of a node is told of, and whether others wait because an answer has no room for them. */
export interface NodeRoom {
  readonly shardNames: ReadonlySet<string>;
  readonly isFull: boolean;
}

/** Who has found room in the answers to a node's agent, and whether somebody has not. */
export function roomOn(node: string, stores: WorkStores): NodeRoom {
  const { work, isFull } = fittingWork(node, stores);
  return { shardNames: new Set(work.map(({ assignment }) => assignment.id)), isFull };
}

/** The oldest shards come first; those that come after the first for which the exchange has no room wait. */
function fittingWork(node: string, stores: WorkStores): { readonly work: readonly Work[]; readonly isFull: boolean } {
  const work: Work[] = [];
  let bytes = 0;
  for (const shard of stores.shards.by('node', node).toSorted(byAge)) {
    const wanted = wantedWork(shard, stores);
    if (wanted === undefined) continue;
    bytes += Buffer.byteLength(JSON.stringify(wanted));
    if (work.length === maxAssignments || bytes > maxWorkBytes) return { work, isFull: true };
    work.push(wanted);
  }
  return { work, isFull: false };
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
function wantedWork(shard: StoredTransferShard, stores: WorkStores): Work | undefined {
  const job = stores.jobs.get(shard.spec.jobRef);
  if (job === undefined || !isWanted({ shard, job })) return undefined;
  const ends = resolveEnds(job, stores);
  const roots = allowedRoots(ends);
  if (roots === undefined || ends.source.node !== shard.spec.node || ends.destination.node !== shard.spec.node) return undefined;
  const { name: id } = shard.metadata;
  const spec = {
    job: { namespace: job.metadata.namespace, name: job.metadata.name, uid: job.metadata.uid },
    index: shard.spec.index,
    source: assignedEnd(ends.source, roots.source),
    destination: assignedDestination(ends.destination, roots.destination),
    ...howToCopy(job),
  };
  return {
    assignment: { id, epoch: shard.spec.epoch, leaseMs: shard.spec.leaseSeconds * 1_000, spec },
    allowance: { assignment: id, bytesPerSecond: job.spec.bandwidth?.limit ?? null, validForMs: allowanceValidForMs },
  };
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

/** What may be planted is the word of the root where it is planted. */
function assignedDestination(end: JobEnd, root: ResolvedRoot): AssignedEnd {
  const { keepSetuid, keepDevices, keepSecurityXattrs } = root;
  return { ...assignedEnd(end, root), keepSetuid, keepDevices, keepSecurityXattrs };
}

function howToCopy({ spec }: StoredTransferJob) {
  const { update, selection, ordering, symlinks, onConflict, atomic, verify, durability, preserve, parallelism, engine } = spec;
  const threadCount = parallelism?.threadsPerNode;
  const bufferBytes = engine?.bufferSize;
  const numa = engine?.numa;
  return {
    update,
    ...(selection === undefined ? {} : { selection }),
    ordering,
    symlinks,
    onConflict,
    atomic,
    durability,
    ...(verify === undefined ? {} : { verify }),
    ...(preserve === undefined ? {} : { preserve }),
    ...(threadCount === undefined ? {} : { threadCount }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
    ...(numa === undefined ? {} : { numa }),
    ...(engine === undefined ? {} : { io: engine.io, directIo: engine.directIo }),
  };
}
