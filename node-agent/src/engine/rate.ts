import type { Counters } from './run-transfer.ts';

/**
 * What went through memory, which is what every rate is of: blocks that are shared and holes are done too, and would make any rate look
 * good. Pure.
 */
export function movedBytes({ bytesDone, reflinkBytes, holeBytes }: Pick<Counters, 'bytesDone' | 'reflinkBytes' | 'holeBytes'>): number {
  return Math.max(0, bytesDone - reflinkBytes - holeBytes); // The counters of a running transfer are not read in one instant.
}

/** A rate as it is known after some samples; opaque, handed back for the next one. */
export interface RateEstimate {
  readonly bytesPerSecond: number;
  readonly atMs: number;
  readonly bytes: number;
  readonly weightedRate: number;
  readonly weight: number;
}

// Five seconds: long enough that a burst of small files does not make the estimate of the end jump, short enough to show a stall.
const timeConstantMs = 5_000;

/** The first sample of a transfer. */
export function startRate(atMs: number, bytes: number): RateEstimate {
  return { bytesPerSecond: 0, atMs, bytes, weightedRate: 0, weight: 0 };
}

/**
 * Folds in another sample: an average in which the past fades exponentially. Dividing by the weight seen so far makes the
 * first seconds a plain average instead of a slow climb from zero.
 * @param atMs any clock that does not run backwards; a sample that is not later than the last one changes nothing
 */
export function nextRate(previous: RateEstimate, atMs: number, bytes: number): RateEstimate {
  const elapsedMs = atMs - previous.atMs;
  if (elapsedMs <= 0) return previous;
  const share = 1 - Math.exp(-elapsedMs / timeConstantMs);
  // Bytes of a file that fails in the end are taken back: that is no movement.
  const sampled = (Math.max(0, bytes - previous.bytes) * 1000) / elapsedMs;
  const weightedRate = previous.weightedRate * (1 - share) + sampled * share;
  const weight = previous.weight * (1 - share) + share;
  return { bytesPerSecond: weightedRate / weight, atMs, bytes, weightedRate, weight };
}
