import type { AssignmentReport, StoredTransferJob, StoredTransferShard } from '@smartcopy/crds';
import type { AgentDirectory, ConnectedAgent } from '../agents/agent-directory.ts';
import { type KubeObject, keyOf, keyText } from '../kube/resource.ts';
import type { WorkStores } from './assignments.ts';
import { type JobEnds, resolveEnds } from './job-ends.ts';
import { isShardEnded, shardNameOf } from './resources.ts';

/** Everything about one job that a decision hangs on. Times are milliseconds since 1970. */
export interface Observed {
  readonly job: StoredTransferJob;
  readonly ends: JobEnds;
  /** The last that was heard of the agent on the node of the source. */
  readonly agent: Pick<ConnectedAgent, 'roots' | 'lastSeenMs' | 'isHeard'> | undefined;
  readonly shard: SeenShard | undefined;
  readonly nowMs: number;
  /** Silence from before this operator started is not the agents'. */
  readonly operatorStartedMs: number;
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
}

interface ObserveDeps {
  readonly stores: WorkStores;
  readonly directory: Pick<AgentDirectory, 'agentOn' | 'reportFor' | 'isStopped' | 'stoppedAtMs'>;
  readonly operatorStartedMs: number;
}

/** Looks at a job and all that concerns it; no I/O: the agents' last word is in memory. */
export function observe(job: StoredTransferJob, { stores, directory, operatorStartedMs }: ObserveDeps, nowMs: number): Observed {
  const ends = resolveEnds(job, stores);
  const agent = directory.agentOn(ends.source.node);
  return { job, ends, agent, shard: observeShard(job, { stores, directory }), nowMs, operatorStartedMs };
}

/** The shard of a job, which need not be readable. */
export function observeShard(job: KubeObject, { stores, directory }: Omit<ObserveDeps, 'operatorStartedMs'>): SeenShard | undefined {
  const object = stores.shards.by('job', keyText(keyOf(job))).find((shard) => isShardOf(shard, job));
  if (object === undefined) return undefined;
  const shard = { name: object.metadata.name, node: object.spec.node, epoch: object.spec.epoch };
  return {
    object,
    report: directory.reportFor(shard),
    heardMs: directory.agentOn(shard.node)?.lastSeenMs,
    isStopped: isShardEnded(object) || directory.isStopped(shard),
    stoppedMs: directory.stoppedAtMs(shard),
  };
}

function isShardOf({ metadata, spec }: StoredTransferShard, job: KubeObject): boolean {
  return spec.jobUID === job.metadata.uid && metadata.name === shardNameOf(job);
}
