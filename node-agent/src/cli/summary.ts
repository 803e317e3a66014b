import { readableBytes, readableCount, readableNumber, readableRate } from '@smartcopy/crds/progress';
import { describeReason } from '../engine/failure-sentences.ts';
import { causeOfLoss, type Loss, lossNames } from '../engine/losses.ts';
import { movedBytes } from '../engine/rate.ts';
import type { Counters, Transfer, TransferReport } from '../engine/run-transfer.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';

/** What the shell is told about a transfer that ran. */
export function statusOfReport(report: TransferReport): ExitStatus {
  if (report.end === 'Cancelled') return exitStatus.interrupted;
  if (report.intoItselfCount > 0) return exitStatus.refused;
  return report.phase === 'Complete' ? exitStatus.done : exitStatus.failed;
}

/** What `--verbose` says before a transfer starts. */
export function describePlan(transfer: Transfer, limitBytesPerSecond: number | undefined): string {
  const { threadCount, bufferBytes, update, durability, digest, verify, io, directIo, sparse } = transfer;
  return [
    `${readableCount(threadCount, 'thread')}, buffers of ${readableBytes(bufferBytes)}`,
    update === 'Always' ? 'every file is copied' : 'files of equal size and time are left alone',
    digest === undefined ? 'no digests' : `${digest} digests${describeReadback(verify)}`,
    `durability ${durability}`,
    ...(io === 'Auto' ? [] : [`moved by ${io}`]),
    ...(directIo === 'Auto' ? [] : [`past the page cache: ${directIo.toLowerCase()}`]),
    ...(sparse === 'Auto' ? [] : [`holes: ${sparse.toLowerCase()}`]),
    limitBytesPerSecond === undefined ? 'no bandwidth limit' : `at most ${readableRate(limitBytesPerSecond)}`,
  ].join('; ');
}

function describeReadback(verify: Transfer['verify']): string {
  if (verify === 'Media') return ', read back past the page cache';
  return verify === 'Readback' ? ', read back' : '';
}

/** The last line: how it ended, how much, how fast, by what method; then whatever was not simply copied. */
export function summarise(report: TransferReport, isDryRun = false): string {
  const { counters, durationMs } = report;
  const seconds = durationMs / 1000;
  if (isDryRun) return summarisePlan(report);
  const moved = movedBytes(counters);
  const parts = [
    `${readableCount(counters.filesDone, 'file')}, ${readableBytes(counters.bytesDone)} in ${seconds.toFixed(2)} s`,
    ...(moved > 0 ? [readableRate(moved / seconds)] : []),
    ...(counters.bytesDone > 0 ? [describeMethods(counters)] : []),
    ...countUnlessZero(counters.filesUnchanged, 'unchanged'),
    ...countUnlessZero(counters.filesSkipped, 'skipped'),
    ...countUnlessZero(counters.entriesFiltered, 'not asked for'),
    ...countUnlessZero(counters.entriesRefused, 'of a special type and skipped'),
    ...countUnlessZero(report.failureCount, report.failureCount === 1 ? 'failure' : 'failures'),
  ];
  return `${describeEnd(report)}${parts.join(', ')}`;
}

/** What a dry run would have done, and that it has not. */
function summarisePlan(report: TransferReport): string {
  const { counters, plannedBytes } = report;
  const parts = [
    `would copy ${readableCount(counters.filesDone, 'file')}, ${readableBytes(plannedBytes)}`,
    ...countUnlessZero(counters.filesUnchanged, 'unchanged'),
    ...countUnlessZero(counters.filesSkipped, 'skipped'),
    ...countUnlessZero(counters.entriesFiltered, 'not asked for'),
    ...countUnlessZero(counters.entriesRefused, 'of a special type and skipped'),
    ...countUnlessZero(report.failureCount, report.failureCount === 1 ? 'failure' : 'failures'),
  ];
  return `${describeEnd(report)}${parts.join(', ')}; nothing was written`;
}

/** What `--verbose` adds when a transfer has ended: everything that did not go the first way. */
export function describeDetails(report: TransferReport): readonly string[] {
  const { counters } = report;
  return [
    `${readableCount(counters.filesTotal, 'file')} and ${readableBytes(counters.bytesTotal)} found, ${readableCount(counters.directoriesDone, 'directory', 'directories')}`,
    ...(counters.bytesVerified > 0 ? [`${readableBytes(counters.bytesVerified)} read back and found equal`] : []),
    ...report.fallbacks.filter(({ from }) => !namedByUser.has(from)).map(describeFallback),
    ...(report.temporariesRemoved > 0 ? [`${report.temporariesRemoved} temporary files of an earlier run removed`] : []),
    ...(report.triedAgain > 0 ? [`${readableCount(report.triedAgain, 'failure')} that may pass, tried again`] : []),
    ...(counters.throttleWaitMs > 0
      ? [`${(counters.throttleWaitMs / 1000).toFixed(1)} s of waiting for the bandwidth limit, over all threads`]
      : []),
  ];
}

/** Ways that are taken only when somebody names them. */
const namedByUser: ReadonlySet<string> = new Set(['ioUring', 'mmap', 'directIo']);

/** What is said also without `--verbose`: that a way which was asked for by name was not to be had. */
export function describeRefusedWays({ fallbacks }: Pick<TransferReport, 'fallbacks'>): readonly string[] {
  return fallbacks.filter(({ from }) => namedByUser.has(from)).map(describeFallback);
}

function describeFallback({ from, to, errno, count }: TransferReport['fallbacks'][number]): string {
  return `${from} was not offered (${errno}), ${to} was used instead: ${readableCount(count, 'time')}`;
}

/** What is said of a transfer also without `--verbose`: what was copied and is not quite the same. */
export function describeLosses(losses: readonly Loss[]): readonly string[] {
  return losses.map((loss) => {
    const { what, count, path } = loss;
    const lost =
      what === 'specialFile'
        ? `${readableCount(count, 'device, socket or FIFO', 'devices, sockets and FIFOs')} not made`
        : `${readableCount(count, 'copy', 'copies')} without the ${lossNames[what]} of the source`;
    return `warning: ${lost}: ${causeOfLoss(loss)}; the first: ${path === '' ? 'the destination itself' : path}`;
  });
}

function describeEnd(report: TransferReport): string {
  switch (report.end) {
    case 'Finished':
      return '';
    case 'Cancelled':
      return 'interrupted, what was finished is kept: ';
    case 'EndedEarly':
      return `ended early${report.endedBy === undefined ? '' : ` (${describeReason(report.endedBy.reason)})`}: `;
  }
}

function describeMethods(counters: Counters): string {
  const methods = [
    { name: 'reflink', bytes: counters.reflinkBytes },
    { name: 'copy_file_range', bytes: counters.copyFileRangeBytes },
    { name: 'read/write', bytes: counters.readWriteBytes },
    { name: 'io_uring', bytes: counters.ioUringBytes },
    { name: 'mmap', bytes: counters.mmapBytes },
  ].filter(({ bytes }) => bytes > 0);
  // No way of moving bytes: none of them were.
  if (methods.length === 0) return 'all of it holes';
  const holes = counters.holeBytes > 0 ? `, ${readableBytes(counters.holeBytes)} of it holes` : '';
  const direct = counters.directIoBytes > 0 ? `, ${readableBytes(counters.directIoBytes)} of it past the page cache` : '';
  const list = methods.map(({ name, bytes }) => (methods.length === 1 ? name : `${name} (${readableBytes(bytes)})`));
  return `by ${list.join(' and ')}${direct}${holes}`;
}

function countUnlessZero(count: number, word: string): readonly string[] {
  return count === 0 ? [] : [`${readableNumber(count)} ${word}`];
}
