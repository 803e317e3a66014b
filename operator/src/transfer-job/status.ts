import { isDeepStrictEqual } from 'node:util';
import type { NotKept, TransferFailure, TransferJobCondition, TransferJobStatus, TransferProgress } from '@smartcopy/crds';
import { describeProgress } from '@smartcopy/crds/progress';
import { conditionsOf } from './conditions.ts';
import { type Decision, startTimeOf, toldMs } from './decide.ts';
import type { Observed } from './observe.ts';
import { isAtRest, isStale, isWorking, type Standing, standingOf } from './standing.ts';

/** Ten failures of ordinary paths fit; with conditions, numbers and its spec's path the object stays below 16 KiB. */
const maxErrorsBytes = 6 * 1024;
/** What was not kept has room in the same object. */
const maxNotKeptBytes = 3 * 1024;
const maxNodesLength = 512;

/**
 * The status that a job should have now: what is seen and decided, and of what was written before that of which nothing newer is known.
 * Pure; nothing in it changes while nothing changes but the time, except `progress.lastUpdateTime`.
 */
export function nextStatus(seen: Observed, decision: Decision): TransferJobStatus {
  const { job, shard, nowMs } = seen;
  const before = job.status;
  if (decision.kind === 'acknowledge' && before !== undefined) return acknowledged(before, job.metadata.generation);
  const standing = standingOf(seen, decision);
  const end = decision.kind === 'finish' ? decision.end : undefined;
  const report = shard?.report;
  const startTime = before?.startTime ?? end?.startTime ?? startTimeOf(report?.startedForMs, shard?.heardMs ?? nowMs);
  const completionTime = end?.completionTime ?? before?.completionTime;
  const progress = end === undefined ? presentProgress(seen, standing) : (finalProgress(end.progress, nowMs) ?? before?.progress);
  const engineUsed = end?.engineUsed ?? report?.engineUsed ?? before?.engineUsed;
  const errors = end?.errors ?? report?.errors ?? before?.errors;
  const shards = shardCounts(seen, decision) ?? before?.shards;
  return {
    observedGeneration: job.metadata.generation,
    phase: standing.phase,
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(progress === undefined ? {} : { progress }),
    ...(engineUsed === undefined ? {} : { engineUsed }),
    ...(errors === undefined ? {} : { errors: withinBytes(errors, maxErrorsBytes) }),
    ...(shards === undefined ? {} : { shards }),
    conditions: conditionsOf(seen, decision, standing),
  };
}

/** Of a job that has ended everything stays as it is, whatever its spec now says. */
function acknowledged(status: TransferJobStatus, generation: number): TransferJobStatus {
  const conditions = status.conditions?.map((condition) => ({ ...condition, observedGeneration: generation }));
  return { ...status, observedGeneration: generation, ...(conditions === undefined ? {} : { conditions }) };
}

/** The last numbers: with a rate and a time left only while they are fresh and threads are at work. */
function presentProgress(seen: Observed, standing: Standing): TransferProgress | undefined {
  const { job, shard, nowMs } = seen;
  const reported = shard?.report?.progress;
  const last = reported ?? job.status?.progress;
  if (last === undefined) return undefined;
  const isFresh = shard !== undefined && !isStale(seen) && !isAtRest(seen);
  // The operator has just started and the agent will be heard: until then what was written is as good as it gets.
  if (reported === undefined && isFresh && standing.mood === 'Working') return last;
  const isUnderWay = reported !== undefined && isFresh && isWorking(shard);
  const atMs = reported === undefined ? Date.parse(last.lastUpdateTime) : (shard?.heardMs ?? nowMs);
  return described(last, { bytesPerSecond: isUnderWay ? last.bytesPerSecond : 0, atMs, isUnderWay });
}

/** At the end the rate is the mean of the whole. */
function finalProgress(last: TransferProgress | undefined, nowMs: number): TransferProgress | undefined {
  if (last === undefined) return undefined;
  return described(last, { bytesPerSecond: last.bytesPerSecond, atMs: toldMs(last.lastUpdateTime, nowMs), isUnderWay: false });
}

interface Pace {
  readonly bytesPerSecond: number;
  readonly atMs: number;
  readonly isUnderWay: boolean;
}

/** Made anew from the counts: what people read is this program's own words, by its own clock. */
function described(progress: TransferProgress, pace: Pace): TransferProgress {
  const { bytesTotal, bytesDone, bytesUnchanged, bytesVerified, totalsFinal } = progress;
  const { filesTotal, filesDone, filesUnchanged, filesFailed, entriesRefused, notKept } = progress;
  const bytes = { bytesTotal, bytesDone, bytesUnchanged, bytesVerified };
  const { filesSkipped = 0, entriesFiltered = 0 } = progress;
  const files = { filesTotal, filesDone, filesUnchanged, filesSkipped, entriesFiltered, filesFailed, entriesRefused };
  return {
    ...describeProgress({ counts: { ...bytes, ...files, totalsFinal }, ...pace }),
    ...(notKept === undefined ? {} : { notKept: withinBytes(notKept, maxNotKeptBytes) }),
  };
}

/** The first of them, as many as an object has room for. */
function withinBytes<T extends TransferFailure | NotKept>(all: readonly T[], maxBytes: number): T[] {
  const fitting: T[] = [];
  let bytes = 0;
  for (const one of all) {
    bytes += Buffer.byteLength(JSON.stringify(one));
    if (bytes > maxBytes) break;
    fitting.push(one);
  }
  return fitting;
}

function shardCounts(seen: Observed, decision: Decision): TransferJobStatus['shards'] {
  const { shard } = seen;
  if (shard === undefined) return undefined;
  const { state = 'Assigned' } = decision.kind === 'finish' ? decision.end : {};
  const isGiven = (decision.kind === 'follow' || decision.kind === 'hold') && shard.givenInstead === undefined;
  const isHeld = isGiven || !isAtRest(seen);
  return {
    total: 1,
    active: state === 'Assigned' && isHeld ? 1 : 0,
    succeeded: state === 'Succeeded' ? 1 : 0,
    failed: state === 'Failed' ? 1 : 0,
    nodes: shard.object.spec.node.slice(0, maxNodesLength),
  };
}

/**
 * What makes the second status worth writing over the first: a transition at once, progress when there is room for it; `undefined` when
 * they say the same.
 */
export function changeBetween(before: TransferJobStatus | undefined, after: TransferJobStatus): 'transition' | 'progress' | undefined {
  if (!isDeepStrictEqual(standingIn(before), standingIn(after))) return 'transition';
  return isDeepStrictEqual(withoutTime(before), withoutTime(after)) ? undefined : 'progress';
}

function standingIn(status: TransferJobStatus | undefined): object {
  const conditions = status?.conditions?.map(({ type, status: is, reason }: TransferJobCondition) => ({ type, status: is, reason }));
  const { phase, observedGeneration, startTime, completionTime, shards } = status ?? {};
  return { phase, observedGeneration, startTime, completionTime, shards, conditions };
}

function withoutTime(status: TransferJobStatus | undefined): object {
  return { ...status, progress: { ...status?.progress, lastUpdateTime: undefined } };
}
