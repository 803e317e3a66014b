import type { EngineUsed, TransferProgress } from './kinds/transfer-job-status.ts';
import { readableBytes, readableDuration, readableRate } from './readable.ts';
import { toTime } from './to-time.ts';

export { readableBytes, readableCount, readableDuration, readableNumber, readableRate } from './readable.ts';
export { toTime } from './to-time.ts';

// How numbers become the progress that people see: the same for a job in a cluster and for `smartcopy run`.

/** What has been counted of a transfer; see TransferProgress for each. */
export type TransferCounts = Pick<
  TransferProgress,
  | 'bytesTotal'
  | 'bytesDone'
  | 'bytesUnchanged'
  | 'filesTotal'
  | 'filesDone'
  | 'filesUnchanged'
  | 'filesSkipped'
  | 'entriesFiltered'
  | 'entriesRefused'
  | 'filesFailed'
  | 'bytesVerified'
  | 'totalsFinal'
>;

/** Before anything is known. */
export const nothingCounted: TransferCounts = {
  bytesTotal: 0,
  bytesDone: 0,
  bytesUnchanged: 0,
  filesTotal: 0,
  filesDone: 0,
  filesUnchanged: 0,
  filesSkipped: 0,
  entriesFiltered: 0,
  entriesRefused: 0,
  filesFailed: 0,
  bytesVerified: 0,
  totalsFinal: false,
};
export const nothingUsed: EngineUsed = { reflink: 0, copyFileRange: 0, readWrite: 0, ioUring: 0, mmap: 0, holes: 0, directIoBytes: 0 };

export interface ProgressMoment {
  readonly counts: TransferCounts;
  readonly bytesPerSecond: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Whether the transfer goes on, so that there is a time left to speak of. */
  readonly isUnderWay: boolean;
}

/** The progress of a job at one moment, as its status shows it. */
export function describeProgress({ counts, bytesPerSecond, atMs, isUnderWay }: ProgressMoment): TransferProgress {
  const percent = percentDone(counts);
  const secondsToEnd = isUnderWay ? secondsLeft(counts, bytesPerSecond) : undefined;
  return {
    ...counts,
    ...(percent === undefined ? {} : { percent }),
    bytesPerSecond: Math.round(bytesPerSecond),
    ...(secondsToEnd === undefined ? {} : { estimatedCompletionTime: toTime(atMs + secondsToEnd * 1000) }),
    lastUpdateTime: toTime(atMs),
    summary: {
      progress: percent === undefined ? readableBytes(counts.bytesDone + counts.bytesUnchanged) : `${percent}%`,
      rate: readableRate(bytesPerSecond),
      ...(secondsToEnd === undefined ? {} : { eta: readableDuration(secondsToEnd) }),
    },
  };
}

/**
 * How much is done, as whole percent rounded down, so that 100 means all, with nothing that failed. By bytes; by files where there are no bytes.
 * `undefined` until the totals are final: a percentage of what was found so far would run backwards.
 */
export function percentDone(counts: TransferCounts): number | undefined {
  const { bytesTotal, bytesDone, bytesUnchanged, filesTotal, filesDone, filesUnchanged, filesSkipped, totalsFinal } = counts;
  if (!totalsFinal) return undefined;
  const [done, total] =
    bytesTotal > 0 ? [bytesDone + bytesUnchanged, bytesTotal] : [filesDone + filesUnchanged + (filesSkipped ?? 0), filesTotal];
  // A source that grows meanwhile must not show 101 percent, and what lacks an entry is not all.
  const most = counts.filesFailed > 0 ? 99 : 100;
  return total === 0 ? most : Math.min(most, Math.floor((done * 100) / total));
}

/** The seconds left at this rate; `undefined` while that cannot be known. */
export function secondsLeft(counts: TransferCounts, bytesPerSecond: number): number | undefined {
  if (!counts.totalsFinal) return undefined;
  const bytesLeft = Math.max(0, counts.bytesTotal - counts.bytesDone - counts.bytesUnchanged);
  if (bytesLeft === 0) return 0;
  // Farther away than a date can be written is as good as unknown.
  const seconds = bytesPerSecond > 0 ? bytesLeft / bytesPerSecond : undefined;
  return seconds !== undefined && seconds <= maxSecondsLeft ? seconds : undefined;
}

const maxSecondsLeft = 100 * 365 * 86_400;
