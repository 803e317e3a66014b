import type { AssignmentReport, StoredTransferJob, StoredTransferShard } from '@smartcopy/crds';
import type { AgentDirectory, ConnectedAgent } from '../agents/agent-directory.ts';
import { type KubeObject, keyOf, keyText, type UnparsableObject } from '../kube/resource.ts';
import type { WorkStores } from './assignments.ts';
import { type JobEnds, resolveEnds } from './job-ends.ts';
import { isShardEnded, shardNameOf } from './resources.ts';
import type { Rooms } from './rooms.ts';

/** Everything about one job that a decision hangs on. Times are milliseconds since 1970. */
export interface Observed {
  readonly job: StoredTransferJob;
  readonly ends: JobEnds;
  /** The last that was heard of the agent on the node of the source. */
  readonly agent: Pick<ConnectedAgent, 'roots' | 'lastSeenMs' | 'isHeard'> | undefined;
  readonly shard: SeenShard | undefined;
  /** The shard in a form that this build cannot read; `shard` is then what it was before, if that is known. */
  readonly unreadableShard: UnparsableObject | undefined;
  readonly nowMs: number;
  /** Silence from before this operator started is not the agents'. */
  readonly operatorStartedMs: number;
  /** How long the agent of a new shard may work without hearing from the operator. */
  readonly leaseSeconds: number;
}

/** The shard of a job, with its agent's last word. */
export interface SeenShard {
  readonly object: StoredTransferShard;
  readonly report: AssignmentReport | undefined;
  /** When its node's agent was heard last. */
  readonly heardMs: number | undefined;
  /** Whether it is certain that nothing works on it. */
  readonly isStopped: boolean;
  /** By when it would be stopped if nothing more were heard of its agent. */
  readonly stoppedMs: number;
  /** How many others its node's agent is given while this one waits for room; `undefined` when it need not wait. */
  readonly givenInstead: number | undefined;
}

interface ObserveDeps {
  readonly stores: WorkStores;
  readonly rooms: Pick<Rooms, 'givenInsteadOf'>;
  /** The operator's own, where shards live. */
  readonly namespace: string;
  readonly directory: Pick<AgentDirectory, 'agentOn' | 'reportFor' | 'isStopped' | 'stoppedAtMs'>;
  readonly operatorStartedMs: number;
  readonly leaseSeconds: number;
}

/** Looks at a job and all that concerns it; no I/O: the agents' last word is in memory. */
export function observe(job: StoredTransferJob, deps: ObserveDeps, nowMs: number): Observed {
  const { stores, directory, operatorStartedMs, leaseSeconds } = deps;
  const ends = resolveEnds(job, stores);
  const agent = directory.agentOn(ends.source.node);
  return { job, ends, agent, ...observeShard(job, deps), nowMs, operatorStartedMs, leaseSeconds };
}

type ShardDeps = Pick<ObserveDeps, 'stores' | 'directory' | 'rooms' | 'namespace'>;

/** The shard of a job; neither need be readable. */
export function observeShard(job: KubeObject, deps: ShardDeps): Pick<Observed, 'shard' | 'unreadableShard'> {
  const unreadableShard = deps.stores.shards.unparsable({ namespace: deps.namespace, name: shardNameOf(job) });
  return { shard: seenShardOf(job, deps), unreadableShard };
}

function seenShardOf(job: KubeObject, { stores, directory, rooms }: ShardDeps): SeenShard | undefined {
  const object = stores.shards.by('job', keyText(keyOf(job))).find((shard) => isShardOf(shard, job));
  if (object === undefined) return undefined;
  const { node, epoch, leaseSeconds } = object.spec;
  const shard = { name: object.metadata.name, node, epoch, leaseMs: leaseSeconds * 1_000 };
  const report = directory.reportFor(shard);
  return {
    object,
    report,
    heardMs: directory.agentOn(shard.node)?.lastSeenMs,
    isStopped: isShardEnded(object) || directory.isStopped(shard),
    stoppedMs: directory.stoppedAtMs(shard),
    // What its agent has is given to it.
    givenInstead: report === undefined && !isShardEnded(object) ? rooms.givenInsteadOf(object) : undefined,
  };
}

function isShardOf({ metadata, spec }: StoredTransferShard, job: KubeObject): boolean {
  return spec.jobUID === job.metadata.uid && metadata.name === shardNameOf(job);
}
