import type { Counters } from '@smartcopy/native';

/**
 * How much is done, as whole percent rounded down, so that 100 means all. By bytes; by files where there are no bytes.
 * `undefined` until the totals are final: a percentage of what was found so far would run backwards.
 */
export function percentDone(counters: Counters): number | undefined {
  const { bytesTotal, bytesDone, bytesUnchanged, filesTotal, filesDone, filesUnchanged, totalsFinal } = counters;
  if (!totalsFinal) return undefined;
  const [done, total] = bytesTotal > 0 ? [bytesDone + bytesUnchanged, bytesTotal] : [filesDone + filesUnchanged, filesTotal];
  // A source that grows meanwhile must not show 101 percent.
  return total === 0 ? 100 : Math.min(100, Math.floor((done * 100) / total));
}

/** The seconds left at this rate; `undefined` while that cannot be known. */
export function secondsLeft(counters: Counters, bytesPerSecond: number): number | undefined {
  if (!counters.totalsFinal) return undefined;
  const bytesLeft = Math.max(0, counters.bytesTotal - counters.bytesDone - counters.bytesUnchanged);
  if (bytesLeft === 0) return 0;
  return bytesPerSecond > 0 ? bytesLeft / bytesPerSecond : undefined;
}
