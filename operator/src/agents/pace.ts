import type { Allowance, Assignment } from '@smartcopy/crds';

/** What one operator answers without being felt in its other work: 1,000 a second is about a tenth of a core. */
const maxSyncsPerSecond = 1_000;
/** An agent that waits listens to nothing, and a suspended job is to stop within 5 seconds. */
const maxPauseMs = 4_000;
/** Between two answers with a set that the agent does not take, be it that its disk is full. */
const notTakenPauseMs = 1_000;

/**
 * How long a request is held when there is no news: as long as the agent asks for, and so that it has its next answer when no more than
 * half of what the shortest lease or allowance lasts has passed.
 */
export function holdMs(
  waitMs: number,
  work: { readonly assignments: readonly Pick<Assignment, 'leaseMs'>[]; readonly allowances: readonly Pick<Allowance, 'validForMs'>[] },
): number {
  const validMs = [...work.assignments.map(({ leaseMs }) => leaseMs), ...work.allowances.map(({ validForMs }) => validForMs)];
  return Math.min(waitMs, ...validMs.map((ms) => Math.floor(ms / 2)));
}

export interface Answered {
  /** Whether the answer differs from what the agent has applied. */
  readonly hasNews: boolean;
  /** Whether the agent had been sent the very same set before it asked. */
  readonly wasSentBefore: boolean;
  readonly agentCount: number;
  readonly heldForMs: number;
}

/** How long an agent waits before it asks again, so that all of them together ask no more often than one operator can answer. */
export function nextSyncMs({ hasNews, wasSentBefore, agentCount, heldForMs }: Answered): number {
  // It is to say soon that it has applied the news. If it does not, asking at once again would never end.
  if (hasNews) return wasSentBefore ? notTakenPauseMs : 0;
  const intervalMs = (agentCount * 1_000) / maxSyncsPerSecond;
  return Math.min(maxPauseMs, Math.max(0, Math.ceil(intervalMs - heldForMs)));
}
