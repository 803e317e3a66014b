import type { EngineUsed, TransferFailure, TransferJobCondition, TransferJobStatus, TransferProgress, VerifyLevel } from '@smartcopy/crds';
import {
  describeProgress,
  nothingCounted,
  nothingUsed,
  readableBytes,
  readableCount,
  readableNumber,
  type TransferCounts,
  toTime,
} from '@smartcopy/crds/progress';
import { describeReason } from './failure-sentences.ts';
import type { FailureGroup } from './failure-summary.ts';
import { lossNames, maxLossCount } from './losses.ts';
import { movedBytes } from './rate.ts';
import type { Counters, TransferReport } from './run-transfer.ts';

/** Why a transfer did not start, or what ended it: a word for scripts and a sentence for people. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** Of a condition. */
const maxMessageLength = 1024;

/** How a transfer went, in the words of a status. */
export interface EndedTransfer {
  readonly progress: TransferProgress;
  readonly engineUsed: EngineUsed;
  readonly errors: readonly TransferFailure[];
  /** Absent when everything was done. */
  readonly failure?: Cause;
  /** What was done, when it was. */
  readonly message: string;
  /** What reading back has shown; present when that was wanted. */
  readonly verified?: Cause & { readonly status: 'True' | 'False' };
}

/**
 * How a transfer went. Pure.
 * @param level how the copy was verified
 * @param isDryRun nothing was written: the counters say what would have been
 */
export function describeEnded(report: TransferReport, level: VerifyLevel, isDryRun = false): EndedTransfer {
  const { counters, durationMs, endedAtMs, losses } = report;
  const failure = causeOfFailure(report);
  const bytesPerSecond = durationMs > 0 ? (movedBytes(counters) * 1000) / durationMs : 0;
  return {
    progress: {
      ...describeProgress({ counts: countsOf(counters), bytesPerSecond, atMs: endedAtMs, isUnderWay: false }),
      ...(losses.length === 0 ? {} : { notKept: losses.slice(0, maxLossCount) }),
    },
    engineUsed: describeEngine(counters),
    errors: report.errors.map(describeGroup),
    ...(failure === undefined ? {} : { failure }),
    message: failure?.message ?? describeSuccess(report, isDryRun),
    ...(readsBack(level) ? { verified: describeVerified(report, level, failure) } : {}),
  };
}

/**
 * The status of a TransferJob whose one transfer has ended. Pure.
 * @param level how the copy was verified
 * @param isDryRun see describeEnded
 */
export function statusOfEnded(report: TransferReport, level: VerifyLevel, isDryRun = false): TransferJobStatus {
  const { progress, engineUsed, errors, failure, message, verified } = describeEnded(report, level, isDryRun);
  const lastTransitionTime = toTime(report.endedAtMs);
  return {
    phase: report.phase,
    startTime: toTime(report.startedAtMs),
    completionTime: lastTransitionTime,
    progress,
    engineUsed,
    errors: [...errors],
    conditions: [
      ...(failure === undefined
        ? [{ type: 'Complete' as const, status: 'True' as const, lastTransitionTime, reason: 'Succeeded', message }]
        : failed(failure, lastTransitionTime)),
      ...(verified === undefined ? [] : [{ type: 'Verified' as const, lastTransitionTime, ...verified }]),
    ],
  };
}

/** Whether a copy is read again, one way or the other. */
export function readsBack(level: VerifyLevel): boolean {
  return level === 'Readback' || level === 'Media';
}

/** The status of a TransferJob that could not be started. Pure. */
export function statusOfNotStarted(cause: Cause, nowMs: number): TransferJobStatus {
  return {
    phase: 'Failed',
    completionTime: toTime(nowMs),
    progress: describeProgress({ counts: nothingCounted, bytesPerSecond: 0, atMs: nowMs, isUnderWay: false }),
    engineUsed: nothingUsed,
    errors: [],
    conditions: failed(cause, toTime(nowMs)),
  };
}

/** What a status shows of the engine's counters. */
export function countsOf(counters: Counters): TransferCounts {
  const { bytesTotal, bytesDone, bytesUnchanged, bytesVerified } = counters;
  const { filesTotal, filesDone, filesUnchanged, filesSkipped, filesFailed, entriesFiltered, entriesRefused, totalsFinal } = counters;
  return {
    bytesTotal,
    bytesDone,
    bytesUnchanged,
    filesTotal,
    filesDone,
    filesUnchanged,
    filesSkipped,
    entriesFiltered,
    entriesRefused,
    filesFailed,
    bytesVerified,
    totalsFinal,
  };
}

export function describeEngine(counters: Counters): EngineUsed {
  return {
    reflink: counters.reflinkBytes,
    copyFileRange: counters.copyFileRangeBytes,
    readWrite: counters.readWriteBytes,
    ioUring: counters.ioUringBytes,
    mmap: counters.mmapBytes,
    holes: counters.holeBytes,
    directIoBytes: counters.directIoBytes,
  };
}

export function describeGroup({ side, ...group }: FailureGroup): TransferFailure {
  return { ...group, side: side === 'source' ? 'Source' : 'Destination' };
}

/** What was not quite as asked is said too: nobody reads counters when all is well. */
function describeSuccess({ counters, losses, plannedBytes }: TransferReport, isDryRun: boolean): string {
  const { filesDone, filesUnchanged, filesSkipped, entriesFiltered, entriesRefused } = counters;
  return [
    isDryRun
      ? `would copy ${readableCount(filesDone, 'file')}, ${readableBytes(plannedBytes)}; ${readableNumber(filesUnchanged)} equal already`
      : `${readableCount(filesDone, 'file')} copied, ${readableNumber(filesUnchanged)} equal already`,
    ...(filesSkipped > 0 ? [`${readableCount(filesSkipped, 'file')} skipped for others that are there`] : []),
    ...(entriesFiltered > 0 ? [`${readableCount(entriesFiltered, 'entry', 'entries')} not asked for`] : []),
    ...(entriesRefused > 0 ? [`${readableCount(entriesRefused, 'device, socket or FIFO', 'devices, sockets and FIFOs')} left out`] : []),
    ...losses.flatMap(({ what, count }) =>
      what === 'specialFile' ? [] : [`${readableCount(count, 'entry', 'entries')} copied without ${lossNames[what]}`],
    ),
  ].join('; ');
}

function failed(cause: Cause, at: string): TransferJobCondition[] {
  const rest = { lastTransitionTime: at, reason: cause.reason, message: cause.message.slice(0, maxMessageLength) };
  return [
    { type: 'Complete', status: 'False', ...rest },
    { type: 'Failed', status: 'True', ...rest },
  ];
}

/** True only when everything that the job was to copy is there and equal: scripts wait for it. */
function describeVerified(report: TransferReport, level: VerifyLevel, failure: Cause | undefined): NonNullable<EndedTransfer['verified']> {
  if (report.mismatchCount > 0) return { status: 'False', reason: 'VerifyMismatch', message: describeMismatches(report.mismatchCount) };
  if (failure !== undefined && report.end !== 'Finished') {
    return { status: 'False', reason: failure.reason, message: 'it ended before everything was read back' };
  }
  const { bytesVerified, filesUnchanged } = report.counters;
  const how = `${readableBytes(bytesVerified)} read back ${level === 'Media' ? 'past the page cache ' : ''}and found equal`;
  if (failure !== undefined) {
    return { status: 'False', reason: failure.reason, message: `${how}, but not everything was copied` };
  }
  const unread = filesUnchanged > 0 ? `; ${readableCount(filesUnchanged, 'file')} of equal size and time not read` : '';
  return { status: 'True', reason: 'Succeeded', message: `${how}${unread}` };
}

function causeOfFailure(report: TransferReport): Cause | undefined {
  const { end, endedBy, failureCount, mismatchCount, intoItselfCount, digestsError } = report;
  if (end === 'Cancelled') return { reason: 'Interrupted', message: 'interrupted; what was finished is kept' };
  if (end === 'EndedEarly') {
    const call = [endedBy?.syscall, endedBy?.errno].filter((part) => part !== undefined).join(': ');
    return {
      reason: endedBy?.reason ?? 'SystemError',
      message: `ended early${call === '' ? '' : ` by ${call}`}; what was finished is kept`,
    };
  }
  if (mismatchCount > 0) return { reason: 'VerifyMismatch', message: describeMismatches(mismatchCount) };
  // Graver than other failures: whoever wrote the job meant other places.
  if (intoItselfCount > 0) {
    const places = readableCount(intoItselfCount, 'directory', 'directories');
    return { reason: 'DestinationInsideSource', message: `${places} would have been copied into itself; all else was copied or is named` };
  }
  if (failureCount > 0) {
    const entries = readableCount(failureCount, 'entry', 'entries');
    return { reason: 'EntriesFailed', message: `${entries} could not be copied, or not with all attributes${firstOf(report)}` };
  }
  if (digestsError === undefined) return undefined;
  return { reason: 'DigestsIncomplete', message: `the list of digests ended early by ${digestsError.syscall}: ${digestsError.errno}` };
}

/** So that one failure need not be looked for elsewhere. */
function firstOf({ errors }: TransferReport): string {
  const [first] = errors;
  if (first === undefined) return '';
  const call = [first.syscall, first.errno].filter((part) => part !== undefined).join(': ');
  const place = first.path === '' ? `the ${first.side} itself` : `${first.path} in the ${first.side}`;
  return `; the first: ${place}: ${describeReason(first.reason)}${call === '' ? '' : ` (${call})`}`;
}

function describeMismatches(count: number): string {
  return `${readableCount(count, 'file')} read back at the destination differed from what was read at the source`;
}
