import type { ShardOutcome, TransferJobCondition } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { oneLine } from '../one-line.ts';
import type { Decision } from './decide.ts';
import { denialOf } from './job-ends.ts';
import type { Observed } from './observe.ts';
import { isAtRest, type Standing } from './standing.ts';

/** A condition before it is known since when it holds. */
interface Statement {
  readonly type: TransferJobCondition['type'];
  readonly status: TransferJobCondition['status'];
  readonly reason: string;
  readonly message: string;
}

/** A message is repeated in up to four conditions, and a status with all its failures must stay far below 16 KiB. */
const maxMessageBytes = 512;

/** All conditions of a job that stands like this, each with the time at which its status changed last. Pure. */
export function conditionsOf(seen: Observed, decision: Decision, standing: Standing): TransferJobCondition[] {
  const { generation } = seen.job.metadata;
  const now = toTime(seen.nowMs);
  const statements = [
    authorized(seen, decision),
    scheduled(seen, decision),
    suspended(seen, decision),
    verified(decision),
    failed(standing),
    complete(standing),
    ready(standing),
    standing.mood === 'Working' ? { ...said(standing), type: 'Reconciling', status: 'True' } : undefined,
    standing.mood === 'Stuck' || standing.mood === 'Failed' ? { ...said(standing), type: 'Stalled', status: 'True' } : undefined,
  ] satisfies readonly (Statement | undefined)[];
  return statements
    .filter((statement) => statement !== undefined)
    .map(({ type, status, reason, message }) => {
      const before = conditionOf(seen, type);
      const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
      return { type, status, observedGeneration: generation, lastTransitionTime, reason, message: oneLine(message, maxMessageBytes) };
    });
}

function conditionOf({ job }: Observed, type: TransferJobCondition['type']): TransferJobCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type);
}

function authorized(seen: Observed, decision: Decision): Statement {
  const before = conditionOf(seen, 'Authorized');
  // What is done was allowed; what the policies say afterwards changes nothing.
  if (decision.kind === 'finish' && before !== undefined) return before;
  const denial = denialOf(seen.ends);
  if (denial !== undefined) return { type: 'Authorized', status: 'False', reason: denial.reason, message: denial.message };
  const ends = [seen.ends.source, seen.ends.destination];
  const unknown = ends.find(({ isNodeKnown }) => !isNodeKnown);
  if (unknown !== undefined) {
    const message = `what the policies say about the node '${unknown.node}' is known once it has joined the cluster`;
    return { type: 'Authorized', status: 'Unknown', reason: 'NodeUnavailable', message };
  }
  const policies = new Set(ends.map(({ resolution }) => (resolution.kind === 'resolved' ? resolution.policy : '')));
  const names = [...policies].map((name) => `'${name}'`).join(' and ');
  const message = policies.size === 1 ? `the TransferPolicy ${names} allows both ends` : `the TransferPolicies ${names} allow both ends`;
  return { type: 'Authorized', status: 'True', reason: 'PolicyMatched', message };
}

function scheduled(seen: Observed, decision: Decision): Statement {
  const type = 'Scheduled';
  const before = conditionOf(seen, type);
  if (decision.kind === 'finish' && before !== undefined) return before;
  if (decision.kind === 'hold') return { type, status: 'False', ...decision.obstacle };
  if (decision.kind === 'deny') return { type, status: 'False', reason: 'NotAuthorized', message: 'it waits until a policy allows it' };
  const node = seen.shard?.object.spec.node;
  if (node !== undefined) return { type, status: 'True', reason: 'Assigned', message: `given to the agent on the node '${node}'` };
  return seen.job.spec.suspend
    ? { type, status: 'False', reason: 'Suspended', message: 'it is given to no agent while it is suspended' }
    : { type, status: 'False', reason: 'Pending', message: 'it is about to be given to an agent' };
}

function suspended(seen: Observed, decision: Decision): Statement | undefined {
  const type = 'Suspended';
  if (seen.job.spec.suspend && decision.kind !== 'finish') {
    return isAtRest(seen)
      ? { type, status: 'True', reason: 'Suspended', message: 'nothing works on it' }
      : { type, status: 'False', reason: 'Stopping', message: 'the agent was told to stop' };
  }
  const before = conditionOf(seen, type);
  if (before === undefined) return undefined;
  return decision.kind === 'finish'
    ? { type, status: 'False', reason: 'Ended', message: 'it has ended' }
    : { type, status: 'False', reason: 'Resumed', message: 'it goes on' };
}

function verified(decision: Decision): Statement | undefined {
  const outcome: ShardOutcome | undefined = decision.kind === 'finish' ? decision.end.outcome : undefined;
  return outcome?.verified === undefined ? undefined : { type: 'Verified', ...outcome.verified };
}

function failed(standing: Standing): Statement | undefined {
  return standing.mood === 'Failed' ? { ...said(standing), type: 'Failed', status: 'True' } : undefined;
}

function complete(standing: Standing): Statement {
  return { ...said(standing), type: 'Complete', status: standing.mood === 'Complete' ? 'True' : 'False' };
}

/** True only with Complete: tools that wait for Ready wait for the end of the copy. */
function ready(standing: Standing): Statement {
  return { ...complete(standing), type: 'Ready' };
}

function said({ reason, message }: Standing): Pick<Statement, 'reason' | 'message'> {
  return { reason, message };
}
