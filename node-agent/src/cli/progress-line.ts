import {
  percentDone,
  readableBytes,
  readableCount,
  readableDuration,
  readableNumber,
  readableRate,
  secondsLeft,
} from '@smartcopy/crds/progress';
import type { Counters } from '../engine/run-transfer.ts';

/** What a progress display is made of at one moment. */
export interface ProgressMoment {
  readonly counters: Counters;
  readonly bytesPerSecond: number;
}

/** Narrower terminals get the figures without a bar. */
const minBarWidth = 10;
const maxBarWidth = 40;
/** Room for the `^C` that the terminal shows when it is typed; and some wrap as soon as the last column is written. */
const freeColumns = 3;

/** One line for a terminal of that many columns, never longer: percent, bar, bytes, rate, time left, files. */
export function progressBar(moment: ProgressMoment, columns: number): string {
  const percent = percentDone(moment.counters);
  const figures = describeFigures(moment).join('  ');
  const label = percent === undefined ? 'scan' : `${String(percent).padStart(3)}%`;
  const barWidth = Math.min(maxBarWidth, columns - freeColumns - label.length - 1 - 2 - 2 - figures.length);
  const line = barWidth < minBarWidth ? `${label}  ${figures}` : `${label} [${drawBar(percent, barWidth)}]  ${figures}`;
  return line.slice(0, Math.max(0, columns - freeColumns));
}

/** The same for a log, as a line of its own. */
export function progressText(moment: ProgressMoment): string {
  const percent = percentDone(moment.counters);
  return [percent === undefined ? 'scanning' : `${percent}%`, ...describeFigures(moment)].join(', ');
}

function describeFigures({ counters, bytesPerSecond }: ProgressMoment): readonly string[] {
  const bytes = `${readableBytes(counters.bytesDone + counters.bytesUnchanged)} of ${readableBytes(counters.bytesTotal)}`;
  const files = `${readableNumber(counters.filesDone + counters.filesUnchanged + counters.filesSkipped)} of ${readableCount(counters.filesTotal, 'file')}`;
  const failed = counters.filesFailed > 0 ? [`${readableNumber(counters.filesFailed)} failed`] : [];
  return [bytes, readableRate(bytesPerSecond), describeTimeLeft(counters, bytesPerSecond), files, ...failed];
}

function describeTimeLeft(counters: Counters, bytesPerSecond: number): string {
  const seconds = secondsLeft(counters, bytesPerSecond);
  if (seconds === undefined) return 'ETA unknown';
  // All bytes are moved, yet the transfer goes on: times, renames and, by durability level, waiting for the disk.
  return seconds === 0 ? 'finishing' : `ETA ${readableDuration(seconds)}`;
}

function drawBar(percent: number | undefined, width: number): string {
  const filled = Math.floor(((percent ?? 0) * width) / 100);
  return `${'='.repeat(filled)}${filled < width ? '>' : ''}`.padEnd(width);
}
