import { readableBytes, readableCount, readableNumber } from '@smartcopy/crds/progress';
import { escapePath } from '../engine/escape-path.ts';
import { describeReason } from '../engine/failure-sentences.ts';
import { type ComparisonReport, type Difference, differenceKinds } from '../engine/run-comparison.ts';
import type { Failure, FailureReason } from '../engine/run-transfer.ts';
import { describeFailure } from './describe-failure.ts';
import type { Places } from './places.ts';
import type { VerifyOptions } from './verify-options.ts';

/** One difference as one line: its kind, the path below both ends, and what each side has. */
export function describeDifference({ kind, path, source, destination, attribute }: Difference, algorithm: string): string {
  const place = path.length === 0 ? '.' : escapePath(path);
  const [here, there] = [escapePath(source), escapePath(destination)];
  const line = (detail: string): string => `${kind} ${place}: ${detail}`;
  switch (kind) {
    case 'missing':
      return line(`${here} that the destination lacks`);
    case 'extra':
      return line(`${there} that the source lacks`);
    case 'size':
      return line(`${here} bytes in the source, ${there} in the destination`);
    case 'content':
      return line(`${algorithm} ${here} in the source, ${there} in the destination`);
    case 'time':
      return line(`${describeTime(here)} in the source, ${describeTime(there)} in the destination`);
    case 'xattr':
      return line(`${escapePath(attribute ?? Buffer.alloc(0))}: ${here} in the source, ${there} in the destination`);
    case 'type':
    case 'mode':
    case 'owner':
    case 'link':
      return line(`${here} in the source, ${there} in the destination`);
  }
}

const sentences: Partial<Record<FailureReason, string>> = {
  MountPoint: 'not compared: something is mounted there',
  SourceChanged: 'it changed while it was compared; compare again when nothing writes to it',
  SourceVanished: 'it vanished before it was compared',
};

/** One entry that could not be compared. */
export function describeUncompared(failure: Failure, places: Places): string {
  return describeFailure(failure, places, sentences[failure.reason] ?? describeReason(failure.reason));
}

/**
 * The last line: whether all is equal, what is not, and what that was looked at.
 * @param isUnread its answer could not be written, which is why a comparison was cancelled
 */
export function summariseComparison(report: ComparisonReport, { algorithm, ignore }: VerifyOptions, isUnread: boolean): string {
  const { differences, differenceCount, failureCount } = report;
  const kinds = differenceKinds.filter((kind) => differences[kind] > 0).map((kind) => `${readableNumber(differences[kind])} ${kind}`);
  const verdict = [
    ...(report.cancelled ? [isUnread ? 'ended early, since its answer cannot be written' : 'interrupted'] : []),
    ...(differenceCount > 0 ? [`${readableCount(differenceCount, 'difference')} (${kinds.join(', ')})`] : []),
    ...(failureCount > 0 ? [`${readableCount(failureCount, 'entry', 'entries')} could not be compared`] : []),
  ];
  const seen = [
    readableCount(report.entriesCompared, 'file'),
    readableCount(report.directoriesCompared, 'directory', 'directories'),
    `${readableBytes(report.bytesRead)} of both read for ${algorithm} in ${(report.durationMs / 1000).toFixed(2)} s`,
    ...(ignore.length > 0 ? [`not looked at: ${ignore.join(', ')}`] : []),
  ];
  return `${verdict.length === 0 ? 'equal' : verdict.join(', ')}: ${seen.join(', ')}`;
}

/** The engine gives seconds since 1970 and all nine digits after them. */
function describeTime(text: string): string {
  const [seconds = '', nanoseconds = ''] = text.split('.');
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? text : `${date.toISOString().slice(0, -'.000Z'.length)}.${nanoseconds}Z`;
}
