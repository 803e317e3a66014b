import {
  type AssignmentReport,
  maxAssignments,
  type ShardOutcome,
  type StoredTransferShard,
  type TransferShardSpec,
  type TransferShardStatus,
} from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { agentLostAfterMs } from '../agents/agent-directory.ts';
import { type KubeObject, keyText, type UnparsableObject } from '../kube/resource.ts';
import type { Denial } from '../policy/resolve-root.ts';
import { allowedRoots, denialOf, type JobEnd } from './job-ends.ts';
import type { Observed, SeenShard } from './observe.ts';
import { hasEnded, isShardEnded, shardNameOf, shardsFinalizer } from './resources.ts';

/** Numbers of an agent that works and was not heard for as long are of the past: it asks about every second. */
export const staleAfterMs = 10_000;

/** A connected agent begins, or says why it does not, within a second or two of being given a shard. */
const beginsWithinMs = 2_000;

/** Why a job that is allowed cannot be carried out now. */
interface Obstacle {
  /** One of those below, or the agent's own word. */
  readonly reason: string;
  readonly message: string;
}

export type Decision =
  /** Nothing, ever. */
  | { readonly kind: 'leave' }
  /** The job has ended and its spec was changed since, which changes nothing: the status says that it is about the new generation too. */
  | { readonly kind: 'acknowledge' }
  /** The job is deleted: its shard must come to rest first. */
  | { readonly kind: 'awaitStop'; readonly shard: SeenShard }
  | { readonly kind: 'deleteShard'; readonly shard: StoredTransferShard }
  /** The same for one that cannot be read: the job's status says that it has ended, so nothing can be lost. */
  | { readonly kind: 'deleteUnreadable'; readonly shard: UnparsableObject }
  | { readonly kind: 'removeFinalizer' }
  /** The shard has ended, so the job ends: its status says so before its shard goes. */
  | { readonly kind: 'finish'; readonly end: TransferShardStatus }
  /** The agent says that it has ended: that is written down. */
  | { readonly kind: 'recordEnd'; readonly shard: StoredTransferShard; readonly end: TransferShardStatus }
  /** The job is suspended; its shard stays, withdrawn from its agent. */
  | { readonly kind: 'rest' }
  /** The policies do not allow it; a shard stays, withdrawn from its agent. */
  | { readonly kind: 'deny'; readonly denial: Denial }
  | { readonly kind: 'hold'; readonly obstacle: Obstacle }
  | { readonly kind: 'createShard'; readonly name: string; readonly spec: TransferShardSpec }
  /** The job names another node than before it had started; its shard follows once the old node is at rest. */
  | { readonly kind: 'moveShard'; readonly shard: SeenShard; readonly node: string }
  /** The agent has the shard; what it says is shown. */
  | { readonly kind: 'follow' };

/** What to do next about one job. Pure: the same observation always gives the same decision. */
export function decide(seen: Observed): Decision {
  const { job, shard, unreadableShard } = seen;
  if (hasEnded(job)) return ended(seen);
  // Who cannot read a shard knows neither who works on it nor whether it has ended.
  if (unreadableShard !== undefined) return { kind: 'hold', obstacle: unreadable(unreadableShard) };
  if (job.metadata.deletionTimestamp !== undefined) return letGo(seen);
  if (shard?.object.status !== undefined && isShardEnded(shard.object)) return { kind: 'finish', end: shard.object.status };
  const end = shard === undefined ? undefined : endOf(shard, seen.nowMs);
  if (shard !== undefined && end !== undefined) return { kind: 'recordEnd', shard: shard.object, end };
  if (job.spec.suspend) return { kind: 'rest' };
  const denial = denialOf(seen.ends);
  if (denial !== undefined) return { kind: 'deny', denial };
  const obstacle = obstacleTo(seen);
  if (obstacle !== undefined) return { kind: 'hold', obstacle };
  const { node } = seen.ends.source;
  if (shard === undefined) return { kind: 'createShard', name: shardNameOf(job), spec: firstShardOf(seen) };
  if (shard.object.spec.node !== node) return { kind: 'moveShard', shard, node };
  if (shard.givenInstead !== undefined) return { kind: 'hold', obstacle: noFreeSlot(node, shard.givenInstead) };
  const { state, waiting } = shard.report ?? {};
  if (state === 'Waiting' && waiting !== undefined) return { kind: 'hold', obstacle: waiting };
  return { kind: 'follow' };
}

/** What to do next about a job that is deleted; neither it nor its shard need be readable. Pure. */
export function letGo({ job, shard, unreadableShard }: Pick<Observed, 'shard' | 'unreadableShard'> & { job: KubeObject }): Decision {
  if (unreadableShard !== undefined) return { kind: 'hold', obstacle: unreadable(unreadableShard) };
  return shard === undefined || shard.isStopped ? cleanUp(job, shard) : { kind: 'awaitStop', shard };
}

/** What the job waits for when the API server has refused what was decided. Pure. @param answer why, as a sentence */
export function refused({ kind }: Decision, answer: string): Decision {
  const [reason, what] =
    kind === 'createShard'
      ? ['ShardNotCreated', "the job's shard could not be created"]
      : ['ShardNotWritten', "the job's shard or finalizer could not be changed"];
  return { kind: 'hold', obstacle: { reason, message: `${what}, which is tried again: ${answer}` } };
}

function ended({ job, shard, unreadableShard }: Observed): Decision {
  if (unreadableShard !== undefined) return { kind: 'deleteUnreadable', shard: unreadableShard };
  if (job.metadata.deletionTimestamp !== undefined) return letGo({ job, shard, unreadableShard });
  const decision = cleanUp(job, shard);
  return decision.kind === 'leave' && job.status?.observedGeneration !== job.metadata.generation ? { kind: 'acknowledge' } : decision;
}

function unreadable({ key, problems }: UnparsableObject): Obstacle {
  const advice = 'run the version that it was written for, or delete it once nothing works on it';
  return {
    reason: 'ShardUnreadable',
    message: `this version of SmartCopy cannot read the job's shard ${keyText(key)}; ${advice}: ${problems.join('. ')}`,
  };
}

function noFreeSlot(node: string, givenCount: number): Obstacle {
  const message = `the node '${node}' holds ${givenCount} shards of at most ${maxAssignments}, as many as its agent can be told of; it starts when one has ended`;
  return { reason: 'NoFreeSlot', message };
}

function cleanUp({ metadata }: KubeObject, shard: SeenShard | undefined): Decision {
  if (shard !== undefined) return { kind: 'deleteShard', shard: shard.object };
  return metadata.finalizers.includes(shardsFinalizer) ? { kind: 'removeFinalizer' } : { kind: 'leave' };
}

/** The end that the agent reports, as the shard's status keeps it. */
function endOf({ object, report, heardMs }: SeenShard, nowMs: number): TransferShardStatus | undefined {
  if (report?.state !== 'Succeeded' && report?.state !== 'Failed') return undefined;
  const { progress, engineUsed, errors, startedForMs } = report;
  // The agent repeats its end until it is withdrawn: the numbers know when it was.
  const endedMs = progress === undefined ? nowMs : toldMs(progress.lastUpdateTime, nowMs);
  const startTime = object.status?.startTime ?? startTimeOf(startedForMs, heardMs ?? nowMs);
  return {
    state: report.state,
    outcome: report.outcome ?? outcomeOf(report.state),
    ...(startTime === undefined ? {} : { startTime }),
    completionTime: toTime(endedMs),
    ...(progress === undefined ? {} : { progress }),
    ...(engineUsed === undefined ? {} : { engineUsed }),
    ...(errors === undefined ? {} : { errors }),
  };
}

/** @param heardMs when the agent said that it began `startedForMs` ago */
export function startTimeOf(startedForMs: number | undefined, heardMs: number): string | undefined {
  // What is no time of this calendar would make a status that nobody takes.
  return startedForMs === undefined ? undefined : toTime(Math.max(0, heardMs - startedForMs));
}

/** A time that an agent told, in milliseconds since 1970: no clock of a node may put it into the future, or where no calendar has it. */
export function toldMs(time: string, nowMs: number): number {
  return Math.min(Math.max(0, Date.parse(time)), nowMs);
}

function outcomeOf(state: AssignmentReport['state']): ShardOutcome {
  return state === 'Succeeded'
    ? { reason: 'Succeeded', message: 'everything was copied' }
    : { reason: 'InternalError', message: 'the agent did not say why it failed; its log may' };
}

function firstShardOf({ job, ends, leaseSeconds }: Observed): TransferShardSpec {
  const { namespace, name, uid } = job.metadata;
  return { jobRef: { namespace, name }, jobUID: uid, run: 1, index: 0, node: ends.source.node, epoch: 1, leaseSeconds };
}

function obstacleTo(seen: Observed): Obstacle | undefined {
  const { source, destination } = seen.ends;
  if (source.node !== destination.node) {
    const message = `the source is on the node '${source.node}' and the destination on '${destination.node}'; this version copies within one node, name the same at both ends`;
    return { reason: 'NodesDiffer', message };
  }
  if (!source.isNodeKnown) {
    // Once it has started, the node cannot be changed any more.
    const advice =
      seen.job.status?.startTime === undefined
        ? 'correct nodeName, or wait until it has joined'
        : 'wait until it has joined, or delete the job and create another';
    const message = `the cluster has no node '${source.node}'; ${advice}`;
    return { reason: 'NodeUnavailable', message };
  }
  return lostAgent(seen) ?? closedRoots(seen);
}

function lostAgent(seen: Observed): Obstacle | undefined {
  const { shard, agent } = seen;
  const { node } = seen.ends.source;
  const heardMs = agent?.lastSeenMs;
  // Whoever has a shard may take a while to find an operator that has just started; a new shard goes to nobody unheard.
  if (agent?.isHeard || (shard !== undefined && silenceMs(seen, heardMs) < agentLostAfterMs)) return undefined;
  const since = heardMs === undefined ? 'has not been heard of' : `was heard last at ${toTime(heardMs)}`;
  const advice = 'check its pod and the network to it';
  const work = shard === undefined || shard.isStopped ? '' : `; what it has begun goes on, at the longest until ${toTime(shard.stoppedMs)}`;
  return { reason: 'AgentUnavailable', message: `the agent on the node '${node}' ${since}${work}; ${advice}` };
}

/** How long an agent has been silent for this operator. */
export function silenceMs(
  { nowMs, operatorStartedMs }: Pick<Observed, 'nowMs' | 'operatorStartedMs'>,
  heardMs: number | undefined,
): number {
  return nowMs - Math.max(heardMs ?? 0, operatorStartedMs);
}

/** The second key: a root opens only where the node's own configuration lists it too. */
function closedRoots({ ends, agent }: Observed): Obstacle | undefined {
  const roots = allowedRoots(ends);
  // Right after its start the operator may know a shard before it has heard its agent.
  if (roots === undefined || agent === undefined) return undefined;
  const mounted = (end: JobEnd, hostPath: string) =>
    agent.roots.find((root) => root.alias === end.alias && root.hostPath === hostPath && root.state === 'Ready');
  for (const side of ['source', 'destination'] as const) {
    const [end, { hostPath }] = [ends[side], roots[side]];
    const root = mounted(end, hostPath);
    if (root === undefined) return notMounted(end, hostPath);
    if (side === 'destination' && root.readOnly === true) return readOnly(end, hostPath);
  }
  return undefined;
}

function notMounted({ alias, node }: JobEnd, hostPath: string): Obstacle {
  const message = `the agent on the node '${node}' has no root '${alias}' mounted from ${hostPath}; add it to the roots of the agents, or mount the directory there`;
  return { reason: 'RootNotMounted', message };
}

function readOnly({ alias, node }: JobEnd, hostPath: string): Obstacle {
  const message = `the root '${alias}' (${hostPath}) is mounted read-only on the node '${node}'; mount it for writing or choose another destination`;
  return { reason: 'RootReadOnly', message };
}

/**
 * After how many milliseconds time alone may change the decision or the status, without any event; `undefined`: never.
 * Everything else that can change them queues the job by itself.
 */
export function nextLookMs(seen: Observed, decision: Decision): number | undefined {
  if (!waits.has(decision.kind)) return undefined;
  const { shard, agent, nowMs, operatorStartedMs } = seen;
  const moments = [(agent?.lastSeenMs ?? operatorStartedMs) + agentLostAfterMs];
  if (shard !== undefined && !shard.isStopped) {
    const heardMs = Math.max(shard.heardMs ?? 0, operatorStartedMs);
    moments.push(heardMs + staleAfterMs, heardMs + agentLostAfterMs, shard.stoppedMs);
  }
  // Others may have taken the room that there was for it: that alone comes with no event of this job.
  if (decision.kind === 'follow' && shard?.report === undefined && agent?.isHeard) moments.push(nowMs + beginsWithinMs);
  // One millisecond later, so that the moment has passed.
  const waitsMs = moments.map((momentMs) => momentMs + 1 - nowMs).filter((waitMs) => waitMs > 0);
  return waitsMs.length === 0 ? undefined : Math.min(...waitsMs);
}

/** Decisions that last until something happens. What the others do is seen in the stores and queues the job again. */
const waits: ReadonlySet<Decision['kind']> = new Set(['awaitStop', 'rest', 'deny', 'hold', 'moveShard', 'follow']);
