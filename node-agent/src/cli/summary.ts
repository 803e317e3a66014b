import { readableBytes, readableCount, readableRate } from '@smartcopy/crds/progress';
import { describeReason } from '../engine/failure-sentences.ts';
import { causeOfLoss, type Loss, lossNames } from '../engine/losses.ts';
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
  const { threadCount, bufferBytes, update, durability, digest, verify } = transfer;
  return [
    `${readableCount(threadCount, 'thread')}, buffers of ${readableBytes(bufferBytes)}`,
    update === 'Always' ? 'every file is copied' : 'files of equal size and time are left alone',
    digest === undefined ? 'no digests' : `${digest} digests${describeReadback(verify)}`,
    `durability ${durability}`,
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
  const parts = [
    `${readableCount(counters.filesDone, 'file')}, ${readableBytes(counters.bytesDone)} in ${seconds.toFixed(2)} s`,
    ...(counters.bytesDone > 0 ? [readableRate(counters.bytesDone / seconds), describeMethods(counters)] : []),
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
    `${readableCount(counters.filesTotal, 'file')} and ${readableBytes(counters.bytesTotal)} found, ${counters.directoriesDone.toLocaleString('en-US')} directories`,
    ...(counters.bytesVerified > 0 ? [`${readableBytes(counters.bytesVerified)} read back and found equal`] : []),
    ...report.fallbacks.map(
      ({ from, to, errno, count }) => `${from} was not offered (${errno}), ${to} was used instead: ${readableCount(count, 'time')}`,
    ),
    ...(report.temporariesRemoved > 0 ? [`${report.temporariesRemoved} temporary files of an earlier run removed`] : []),
    ...(report.triedAgain > 0 ? [`${readableCount(report.triedAgain, 'failure')} that may pass, tried again`] : []),
    ...(counters.throttleWaitMs > 0
      ? [`${(counters.throttleWaitMs / 1000).toFixed(1)} s of waiting for the bandwidth limit, over all threads`]
      : []),
  ];
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
    { name: 'read/write', bytes: counters.readWriteBytes },
  ].filter(({ bytes }) => bytes > 0);
  return methods.length === 1
    ? `by ${methods[0]?.name}`
    : `by ${methods.map(({ name, bytes }) => `${name} (${readableBytes(bytes)})`).join(' and ')}`;
}

function countUnlessZero(count: number, word: string): readonly string[] {
  return count === 0 ? [] : [`${count.toLocaleString('en-US')} ${word}`];
}
