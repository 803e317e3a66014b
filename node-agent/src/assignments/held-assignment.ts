import { isDeepStrictEqual } from 'node:util';
import type { Allowance, Assignment, AssignmentReport } from '@smartcopy/crds';
import type { Cause } from '../engine/transfer-status.ts';
import type { AssignmentRun } from './assignment-run.ts';
import type { AgentState, Ending, HeldAllowance, KeptAssignment } from './state-file.ts';

/** What a run that has stopped had to say last. */
interface LastWords extends Pick<AssignmentReport, 'progress' | 'engineUsed' | 'errors'> {
  readonly startedAtMs: number;
  readonly firstByteAtMs: number | undefined;
}

/** An assignment as this agent holds it. Moments are in milliseconds of the boot clock. */
export interface HeldAssignment {
  /** As the operator gave it last. */
  assignment: Assignment;
  leaseEndMs: number;
  allowance: HeldAllowance | undefined;
  /** How often it was begun. */
  attempt: number;
  /** False once it was withdrawn; it goes when its run has ended. */
  isWanted: boolean;
  /** At work, or ending: then it may still be about an earlier form of the assignment. */
  run: AssignmentRun | undefined;
  /** Why it could not be begun, or why its end cannot be told. */
  waiting: Cause | undefined;
  lastWords: LastWords | undefined;
  ended: Ending | undefined;
  /** Whether the end was saved, so that it may be told: what is told is never done again. */
  mayTellEnd: boolean;
}

export function newlyHeld(assignment: Assignment, attempt: number): HeldAssignment {
  return {
    assignment,
    attempt,
    leaseEndMs: 0,
    allowance: undefined,
    isWanted: true,
    run: undefined,
    waiting: undefined,
    lastWords: undefined,
    ended: undefined,
    mayTellEnd: false,
  };
}

/** An assignment that was begun so often without an end may be what ends the agent: it is begun again only when the operator still wants it. */
const maxStartsUnasked = 3;

/** An assignment that an earlier process held. A lease that lasts longer than one may is no word of this clock. */
export function heldAgain({ assignment, leaseEndMs, allowance, attempt, ended }: KeptAssignment, nowMs: number): HeldAssignment {
  const isLeaseOfThisClock = leaseEndMs - nowMs <= assignment.leaseMs;
  const isLeased = isLeaseOfThisClock && attempt < maxStartsUnasked;
  return { ...newlyHeld(assignment, attempt), leaseEndMs: isLeased ? leaseEndMs : 0, allowance, ended, mayTellEnd: true };
}

export function keptOf({ assignment, leaseEndMs, allowance, attempt, ended }: HeldAssignment): KeptAssignment {
  return {
    assignment,
    leaseEndMs,
    attempt,
    ...(allowance === undefined ? {} : { allowance }),
    ...(ended === undefined ? {} : { ended }),
  };
}

/** Whether it is the same work; how long it is leased does not matter. */
export function isSameWork(one: Assignment, other: Assignment): boolean {
  return one.id === other.id && one.epoch === other.epoch && isDeepStrictEqual(one.spec, other.spec);
}

/** Whether anybody wants it done, and this agent may. */
export function mayWork({ isWanted, ended, leaseEndMs }: HeldAssignment, nowMs: number): boolean {
  return isWanted && ended === undefined && nowMs < leaseEndMs;
}

/** The limit for the control block: `undefined` for none. What was never granted, or no longer is, lets nothing move. */
export function limitOf({ allowance }: HeldAssignment, nowMs: number): number | undefined {
  if (allowance === undefined) return 0;
  if (allowance.bytesPerSecond === null) return undefined;
  return nowMs < allowance.endMs ? allowance.bytesPerSecond : 0;
}

export function grantOf({ bytesPerSecond, validForMs }: Allowance, sentAtMs: number): HeldAllowance {
  return { bytesPerSecond, endMs: sentAtMs + validForMs };
}

/** @param bootMs of the boot clock @param wallMs since 1970 */
export function reportOf(held: HeldAssignment, bootMs: number, wallMs: number): AssignmentReport {
  const { id } = held.assignment;
  const { run, ended } = held;
  if (run !== undefined) {
    const state = run.isStopping ? 'Stopping' : 'Running';
    const moments = { startedAtMs: run.startedAtMs, firstByteAtMs: run.firstByteAtMs };
    return {
      assignment: id,
      epoch: run.assignment.epoch,
      state,
      ...since(moments, bootMs),
      ...run.report(wallMs),
      ...stillHeld(held, bootMs),
    };
  }
  const { epoch } = held.assignment;
  if (ended !== undefined && held.mayTellEnd) {
    const { startedAtMs, firstByteAtMs, state, ...rest } = ended;
    return { assignment: id, epoch, state, ...since({ startedAtMs, firstByteAtMs }, bootMs), ...rest };
  }
  const { startedAtMs, firstByteAtMs, ...numbers } = held.lastWords ?? { startedAtMs: undefined, firstByteAtMs: undefined };
  const said = { assignment: id, epoch, ...since({ startedAtMs, firstByteAtMs }, bootMs), ...numbers };
  // The end is being saved, which takes milliseconds; where it takes longer, the reason is told.
  if (ended !== undefined) return { ...said, state: 'Running', ...(held.waiting === undefined ? {} : { waiting: held.waiting }) };
  if (held.attempt === 0 || held.waiting !== undefined) {
    return { ...said, state: 'Waiting', ...(held.waiting === undefined ? {} : { waiting: held.waiting }) };
  }
  return { ...said, state: 'Stopped' };
}

function since(
  { startedAtMs, firstByteAtMs }: { readonly startedAtMs: number | undefined; readonly firstByteAtMs: number | undefined },
  bootMs: number,
): Pick<AssignmentReport, 'startedForMs' | 'firstByteForMs'> {
  return {
    ...(startedAtMs === undefined ? {} : { startedForMs: elapsed(startedAtMs, bootMs) }),
    ...(firstByteAtMs === undefined ? {} : { firstByteForMs: elapsed(firstByteAtMs, bootMs) }),
  };
}

function stillHeld({ allowance }: HeldAssignment, bootMs: number): Pick<AssignmentReport, 'heldAllowance'> {
  if (allowance === undefined || bootMs >= allowance.endMs) return {};
  return { heldAllowance: { bytesPerSecond: allowance.bytesPerSecond, validForMs: elapsed(bootMs, allowance.endMs) } };
}

function elapsed(fromMs: number, toMs: number): number {
  return Math.max(0, Math.floor(toMs - fromMs));
}

/**
 * Whether the state differs from what is saved in a way that the next process must know. Leases are renewed every second; saving them
 * when half of the saved one has passed spares the disk, and errs on the side of stopping too early.
 */
export function isWorthSaving(saved: AgentState | undefined, next: AgentState, nowMs: number): boolean {
  if (saved === undefined || JSON.stringify(withoutEnds(saved)) !== JSON.stringify(withoutEnds(next))) return true;
  return next.assignments.some((kept, index) => {
    const before = saved.assignments[index];
    if (before === undefined || kept.ended !== undefined) return false;
    const isShorter = kept.leaseEndMs < before.leaseEndMs || (kept.allowance?.endMs ?? 0) < (before.allowance?.endMs ?? 0);
    return isShorter || (kept.leaseEndMs > before.leaseEndMs && before.leaseEndMs - nowMs < kept.assignment.leaseMs / 2);
  });
}

function withoutEnds({ bootId, assignments, departures }: AgentState): object {
  return {
    bootId,
    departures,
    assignments: assignments.map(({ assignment, attempt, allowance, ended }) => [assignment, attempt, allowance?.bytesPerSecond, ended]),
  };
}
