import type { TransferJobCondition, TransferJobStatus } from '@smartcopy/crds';

/** What is told about an object besides its status. */
export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

type Change = { readonly before: TransferJobStatus | undefined; readonly after: TransferJobStatus };

/** The events that a change of status is worth, in the order in which they happen. Pure. */
export function eventsBetween(before: TransferJobStatus | undefined, after: TransferJobStatus): JobEvent[] {
  const change = { before, after };
  return [
    resumed(change),
    becameFalse(change, 'Authorized'),
    becameFalse(change, 'Scheduled'),
    became(change, 'Scheduled', { type: 'Normal', reason: 'Scheduled' }),
    started(change),
    became(change, 'Suspended', { type: 'Normal', reason: 'Suspended' }),
    became(change, 'Complete', { type: 'Normal', reason: 'Completed' }),
    became(change, 'Failed', { type: 'Warning', reason: 'Failed' }),
    stopping(change),
  ].filter((event) => event !== undefined);
}

function find(status: TransferJobStatus | undefined, type: TransferJobCondition['type']): TransferJobCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function became({ before, after }: Change, type: TransferJobCondition['type'], event: Omit<JobEvent, 'message'>): JobEvent | undefined {
  const condition = find(after, type);
  if (condition?.status !== 'True' || find(before, type)?.status === 'True') return undefined;
  return { ...event, message: type === 'Failed' ? `${condition.reason}: ${condition.message}` : condition.message };
}

/** Reasons of Scheduled that are no obstacle of their own. */
const quietReasons: ReadonlySet<string> = new Set(['Pending', 'Suspended', 'NotAuthorized']);

/** A denial or an obstacle, under the condition's own reason. */
function becameFalse({ before, after }: Change, type: 'Authorized' | 'Scheduled'): JobEvent | undefined {
  const condition = find(after, type);
  if (condition?.status !== 'False' || quietReasons.has(condition.reason)) return undefined;
  const last = find(before, type);
  if (last?.status === 'False' && last.reason === condition.reason) return undefined;
  return { type: 'Warning', reason: condition.reason, message: condition.message };
}

function started({ before, after }: Change): JobEvent | undefined {
  if (before?.startTime !== undefined || after.startTime === undefined) return undefined;
  const nodes = after.shards?.nodes;
  return {
    type: 'Normal',
    reason: 'Started',
    message: nodes === undefined ? 'the copy has begun' : `the copy has begun on the node '${nodes}'`,
  };
}

function resumed({ before, after }: Change): JobEvent | undefined {
  const condition = find(after, 'Suspended');
  if (condition?.reason !== 'Resumed' || find(before, 'Suspended')?.status !== 'True') return undefined;
  return { type: 'Normal', reason: 'Resumed', message: condition.message };
}

function stopping({ before, after }: Change): JobEvent | undefined {
  const condition = find(after, 'Complete');
  if (condition?.reason !== 'Deleting' || find(before, 'Complete')?.reason === 'Deleting') return undefined;
  return { type: 'Normal', reason: 'Stopping', message: condition.message };
}
