import type { ShardOutcome, TransferJobPhase } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { type Decision, silenceMs, staleAfterMs } from './decide.ts';
import type { Observed, SeenShard } from './observe.ts';

/** Where a job stands, in a word for scripts and a sentence for people: the conditions Complete and Ready carry both. */
export interface Standing {
  readonly phase: TransferJobPhase;
  readonly reason: string;
  readonly message: string;
  /** Working: it goes on by itself. Stuck: a person must act. Resting: a person wants it so. */
  readonly mood: 'Working' | 'Stuck' | 'Resting' | 'Complete' | 'Failed';
}

/** Where the job stands when this is decided. Pure. */
export function standingOf(seen: Observed, decision: Decision): Standing {
  const phase = phaseOfWork(seen);
  switch (decision.kind) {
    case 'finish':
      return ended(decision.end.state, decision.end.outcome);
    case 'rest':
      return isAtRest(seen) ? suspended : { phase, ...stopping(seen) };
    case 'deny':
      return { phase, reason: decision.denial.reason, message: decision.denial.message, mood: 'Stuck' };
    case 'hold':
      return { phase, ...decision.obstacle, mood: healsByItself(decision.obstacle.reason) ? 'Working' : 'Stuck' };
    case 'awaitStop':
      return { phase, reason: 'Deleting', message: `the job is deleted; ${stopping(seen).message}`, mood: 'Working' };
    case 'moveShard':
      return { phase, ...stopping(seen) };
    case 'createShard':
      return {
        phase: 'Pending',
        reason: 'Pending',
        message: `it is about to be given to the node '${decision.spec.node}'`,
        mood: 'Working',
      };
    case 'follow':
    case 'recordEnd':
    case 'leave':
    case 'acknowledge':
    case 'deleteShard':
    case 'deleteUnreadable':
    case 'removeFinalizer':
      return { phase, ...atWork(seen, phase) };
  }
}

const suspended: Standing = {
  phase: 'Suspended',
  reason: 'Suspended',
  message: 'nothing works on it; finished files stay, and with suspend: false it goes on',
  mood: 'Resting',
};

function ended(state: 'Assigned' | 'Succeeded' | 'Failed', outcome: ShardOutcome | undefined): Standing {
  return state === 'Succeeded'
    ? { phase: 'Complete', reason: outcome?.reason ?? 'Succeeded', message: outcome?.message ?? 'everything was copied', mood: 'Complete' }
    : { phase: 'Failed', reason: outcome?.reason ?? 'InternalError', message: outcome?.message ?? 'it is not known why', mood: 'Failed' };
}

/** An agent comes back with its pod, and what an agent itself waits for comes with time unless it speaks of a root. */
function healsByItself(reason: string): boolean {
  return !mustBeHealed.has(reason);
}

const mustBeHealed: ReadonlySet<string> = new Set([
  'NodesDiffer',
  'NodeUnavailable',
  'RootNotMounted',
  'RootReadOnly',
  'ShardNotCreated',
  'ShardNotWritten',
  'ShardUnreadable',
]);

function stopping({ shard, ...rest }: Observed): Omit<Standing, 'phase'> {
  const node = shard?.object.spec.node ?? '';
  const isSilent = shard !== undefined && silenceMs(rest, shard.heardMs) > staleAfterMs;
  const latest = isSilent ? `, at the latest at ${toTime(shard.stoppedMs)}: the agent is silent and its lease ends then` : '';
  return { reason: 'Stopping', message: `it waits until the node '${node}' has stopped${latest}`, mood: 'Working' };
}

function atWork(seen: Observed, phase: TransferJobPhase): Omit<Standing, 'phase'> {
  const { shard } = seen;
  const node = shard?.object.spec.node ?? '';
  const silent = shard?.heardMs !== undefined && isStale(seen) ? `; the agent was heard last at ${toTime(shard.heardMs)}` : '';
  switch (phase) {
    case 'Scanning':
      return { reason: 'Scanning', message: `the node '${node}' looks through the source${silent}`, mood: 'Working' };
    case 'Running':
      return { reason: 'Running', message: `the node '${node}' copies${silent}`, mood: 'Working' };
    default:
      return { reason: 'Assigned', message: `it waits for the agent on the node '${node}' to begin${silent}`, mood: 'Working' };
  }
}

/** What is going on with the files, whatever is wished: work that was withdrawn is at work until it has stopped. */
function phaseOfWork({ job, shard }: Observed): TransferJobPhase {
  if (shard === undefined || shard.isStopped) return 'Pending';
  const { report } = shard;
  const before = job.status?.phase;
  // An operator that has just started has not heard the agent yet.
  if (report === undefined) return before === 'Scanning' || before === 'Running' ? before : 'Pending';
  return isWorking(shard) ? (hasMoved(shard) ? 'Running' : 'Scanning') : 'Pending';
}

/** Whether the agent last said that threads are at work. */
export function isWorking({ report }: SeenShard): boolean {
  return report?.state === 'Running' || report?.state === 'Stopping';
}

function hasMoved({ report }: SeenShard): boolean {
  const progress = report?.progress;
  if (progress === undefined) return false;
  const { totalsFinal, bytesDone, bytesUnchanged, filesDone, filesUnchanged } = progress;
  return totalsFinal || bytesDone + bytesUnchanged + filesDone + filesUnchanged > 0;
}

/** Whether nothing works on the job, for certain. */
export function isAtRest({ shard, unreadableShard }: Observed): boolean {
  return unreadableShard === undefined && (shard === undefined || shard.isStopped);
}

/** Whether what is known of the work is of the past. */
export function isStale(seen: Observed): boolean {
  return seen.shard !== undefined && silenceMs(seen, seen.shard.heardMs) > staleAfterMs;
}
