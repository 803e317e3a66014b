import type { EngineUsed, TransferFailure, TransferJobCondition, TransferJobStatus, TransferProgress } from '@smartcopy/crds';
import type { FailureGroup } from './failure-summary.ts';
import { percentDone } from './progress.ts';
import { readableBytes, readableCount, readableRate } from './readable.ts';
import type { Counters, TransferReport } from './run-transfer.ts';

/** Why a transfer did not start, or what ended it: a word for scripts and a sentence for people. */
interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** Of a condition. */
const maxMessageLength = 1024;

const nothingCounted: Counters = {
  bytesTotal: 0,
  bytesDone: 0,
  bytesUnchanged: 0,
  filesTotal: 0,
  filesDone: 0,
  filesUnchanged: 0,
  filesFailed: 0,
  directoriesDone: 0,
  entriesRefused: 0,
  bytesVerified: 0,
  reflinkBytes: 0,
  readWriteBytes: 0,
  throttleWaitMs: 0,
  totalsFinal: false,
};

/**
 * The status of a TransferJob whose one transfer has ended. Pure.
 * @param isReadBack whether the job's verify level is Readback
 */
export function statusOfEnded(report: TransferReport, isReadBack: boolean): TransferJobStatus {
  const { counters, durationMs, endedAtMs, ownersNotKept, modesNotKept } = report;
  const at = toTime(endedAtMs);
  const failure = causeOfFailure(report);
  return {
    phase: report.phase,
    startTime: toTime(report.startedAtMs),
    completionTime: at,
    progress: {
      ...describeProgress(counters, durationMs > 0 ? (counters.bytesDone * 1000) / durationMs : 0, endedAtMs),
      ownersNotKept,
      modesNotKept,
    },
    engineUsed: describeEngine(counters),
    errors: report.errors.map(describeGroup),
    conditions: [
      ...(failure === undefined ? [complete(counters, at)] : failed(failure, at)),
      ...(isReadBack ? [describeVerified(report, failure, at)] : []),
    ],
  };
}

/** The status of a TransferJob that could not be started. Pure. */
export function statusOfNotStarted(cause: Cause, nowMs: number): TransferJobStatus {
  return {
    phase: 'Failed',
    completionTime: toTime(nowMs),
    progress: describeProgress(nothingCounted, 0, nowMs),
    engineUsed: describeEngine(nothingCounted),
    errors: [],
    conditions: failed(cause, toTime(nowMs)),
  };
}

function describeProgress(counters: Counters, bytesPerSecond: number, nowMs: number): TransferProgress {
  const percent = percentDone(counters);
  const { bytesTotal, bytesDone, bytesUnchanged, bytesVerified, filesTotal, filesDone, filesUnchanged, filesFailed, entriesRefused } =
    counters;
  return {
    bytesTotal,
    bytesDone,
    bytesUnchanged,
    bytesVerified,
    filesTotal,
    filesDone,
    filesUnchanged,
    filesFailed,
    entriesRefused,
    totalsFinal: counters.totalsFinal,
    ...(percent === undefined ? {} : { percent }),
    bytesPerSecond: Math.round(bytesPerSecond),
    lastUpdateTime: toTime(nowMs),
    summary: {
      progress: percent === undefined ? readableBytes(bytesDone + bytesUnchanged) : `${percent}%`,
      rate: readableRate(bytesPerSecond),
    },
  };
}

function describeEngine(counters: Counters): EngineUsed {
  return { reflink: counters.reflinkBytes, readWrite: counters.readWriteBytes };
}

function describeGroup({ side, ...group }: FailureGroup): TransferFailure {
  return { ...group, side: side === 'source' ? 'Source' : 'Destination' };
}

function complete(counters: Counters, at: string): TransferJobCondition {
  const message = `${readableCount(counters.filesDone, 'file')} copied, ${counters.filesUnchanged.toLocaleString('en-US')} equal already`;
  return { type: 'Complete', status: 'True', lastTransitionTime: at, reason: 'Succeeded', message };
}

function failed(cause: Cause, at: string): TransferJobCondition[] {
  const rest = { lastTransitionTime: at, reason: cause.reason, message: cause.message.slice(0, maxMessageLength) };
  return [
    { type: 'Complete', status: 'False', ...rest },
    { type: 'Failed', status: 'True', ...rest },
  ];
}

/** Verified speaks of what was copied: a job of which a file could not be read may still have verified all others. */
function describeVerified(report: TransferReport, failure: Cause | undefined, at: string): TransferJobCondition {
  if (report.mismatchCount > 0 || (failure !== undefined && report.end !== 'Finished')) {
    const message = report.mismatchCount > 0 ? describeMismatches(report.mismatchCount) : 'it ended before everything was read back';
    const reason = report.mismatchCount > 0 ? 'VerifyMismatch' : (failure?.reason ?? 'Interrupted');
    return { type: 'Verified', status: 'False', lastTransitionTime: at, reason, message };
  }
  const { bytesVerified, filesUnchanged } = report.counters;
  const unread = filesUnchanged > 0 ? `; ${readableCount(filesUnchanged, 'file')} of equal size and time not read` : '';
  const message = `${readableBytes(bytesVerified)} read back and found equal${unread}`;
  return { type: 'Verified', status: 'True', lastTransitionTime: at, reason: 'Succeeded', message };
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
    return { reason: 'EntriesFailed', message: `${entries} could not be copied, or not with all attributes` };
  }
  if (digestsError === undefined) return undefined;
  return { reason: 'DigestsIncomplete', message: `the list of digests ended early by ${digestsError.syscall}: ${digestsError.errno}` };
}

function describeMismatches(count: number): string {
  return `${readableCount(count, 'file')} read back at the destination differed from what was read at the source`;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
