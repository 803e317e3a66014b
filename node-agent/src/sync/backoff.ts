/** Half a second is soon enough for a person, and doubling spares an operator that is overwhelmed. */
const firstMs = 500;
const mostMs = 30_000;
/** A leader changes within seconds, and says so: asking again soon costs it little. */
const mostForNotReadyMs = 2_000;
/** Right after a good exchange most failures are a restart of the operator, or a connection that had been idle for too long. */
const fastMs = 50;

export type Trouble = 'NoAnswer' | 'NotReady';

/**
 * How long to wait before asking again. Jittered: agents that lost the operator at the same moment come back one by one.
 * @param failureCount how many exchanges in a row have failed, from 1
 * @param chance from 0 to 1
 */
export function backoffMs(trouble: Trouble, failureCount: number, chance: number): number {
  if (failureCount <= 1) return fastMs * (1 + 4 * chance);
  const full = Math.min(trouble === 'NotReady' ? mostForNotReadyMs : mostMs, firstMs * 2 ** (failureCount - 2));
  return full * (0.5 + chance / 2);
}
