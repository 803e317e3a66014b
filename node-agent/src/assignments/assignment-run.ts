import type { Assignment, AssignmentReport } from '@smartcopy/crds';
import { describeProgress } from '@smartcopy/crds/progress';
import { FailureSummary } from '../engine/failure-summary.ts';
import { movedBytes, nextRate, startRate } from '../engine/rate.ts';
import { ControlBlock, type Counters, type Failure, type Transfer, type TransferReport } from '../engine/run-transfer.ts';
import { countsOf, describeEngine, describeGroup } from '../engine/transfer-status.ts';
import type { BootClock } from '../system/boot-clock.ts';
import type { FailureLog } from './failure-logs.ts';
import { type RunEnd, runAssignment } from './run-assignment.ts';

/** Hears what transfers do, to count it: counters as they grow, failures as they happen, fallbacks at the end. */
export interface TransferMeter {
  /** @param before what was told last, absent the first time; no counter has shrunk since */
  counted(transfer: Transfer, after: Counters, before: Counters | undefined): void;
  failed(transfer: Transfer, failures: readonly Failure[]): void;
  ended(transfer: Transfer, report: TransferReport): void;
}

export interface RunOptions {
  readonly assignment: Assignment;
  readonly transfer: Transfer;
  /** As ControlBlock.limit takes it. */
  readonly limitBytesPerSecond: number | undefined;
  readonly failureLog: FailureLog;
  readonly clock: BootClock;
  readonly meter: TransferMeter;
  readonly onFirstByte: () => void;
}

/** How fine the moment of the first byte is known. */
const firstByteIntervalMs = 25;
/** As often as the operator is told; rates and metrics need no finer grain. */
const sampleIntervalMs = 1_000;

/** One attempt at an assignment, under way. It starts when it is made; it belongs to whoever made it, who stops it and awaits its end. */
export class AssignmentRun {
  readonly assignment: Assignment;
  readonly startedAtMs: number;
  readonly ended: Promise<RunEnd>;
  readonly #options: RunOptions;
  readonly #control = new ControlBlock();
  readonly #stopping = new AbortController();
  readonly #failures = new FailureSummary();
  #firstByteAtMs: number | undefined;
  #counted: Counters | undefined;
  #rate = startRate(performance.now(), 0);
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.assignment = options.assignment;
    this.startedAtMs = options.clock.nowMs();
    this.limit(options.limitBytesPerSecond);
    this.ended = this.#run();
  }

  /** In the clock of the machine's start; undefined before anything was moved or found equal. */
  get firstByteAtMs(): number | undefined {
    return this.#firstByteAtMs;
  }

  /** Of its buffers and rings. */
  get memoryBytes(): number {
    const { threadCount, bufferBytes, ringMemoryBytes } = this.#options.transfer;
    return threadCount * bufferBytes + ringMemoryBytes;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Takes effect within milliseconds: `undefined` lifts the limit, 0 lets nothing move. */
  limit(bytesPerSecond: number | undefined): void {
    this.#control.limit(bytesPerSecond);
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** What there is to say while it runs. @param atMs milliseconds since 1970 */
  report(atMs: number): Pick<AssignmentReport, 'progress' | 'engineUsed' | 'errors'> {
    const counters = this.#control.counters();
    const { bytesPerSecond } = this.#rate;
    return {
      progress: describeProgress({ counts: countsOf(counters), bytesPerSecond, atMs, isUnderWay: !this.isStopping }),
      engineUsed: describeEngine(counters),
      errors: this.#failures.groups.map(describeGroup),
    };
  }

  async #run(): Promise<RunEnd> {
    const { assignment, transfer, failureLog, meter } = this.#options;
    this.#watch();
    try {
      const end = await runAssignment(assignment, transfer, {
        signal: this.#stopping.signal,
        control: this.#control,
        failureLog,
        onFailures: (failures) => {
          this.#failures.add(failures);
          meter.failed(transfer, failures);
        },
      });
      this.#noteFirstByte();
      this.#sample();
      if (end.state !== 'Stopped' && end.report !== undefined) meter.ended(transfer, end.report);
      return end;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  #watch(): void {
    const intervalMs = this.#firstByteAtMs === undefined ? firstByteIntervalMs : sampleIntervalMs;
    this.#timer = setTimeout(() => {
      this.#noteFirstByte();
      if (performance.now() - this.#rate.atMs >= sampleIntervalMs) this.#sample();
      this.#watch();
    }, intervalMs);
  }

  #noteFirstByte(): void {
    if (this.#firstByteAtMs !== undefined) return;
    const { bytesDone, bytesUnchanged, filesDone, filesUnchanged } = this.#control.counters();
    if (bytesDone + bytesUnchanged + filesDone + filesUnchanged === 0) return;
    this.#firstByteAtMs = this.#options.clock.nowMs();
    this.#sample();
    this.#options.onFirstByte();
  }

  #sample(): void {
    const { transfer, meter } = this.#options;
    const counters = this.#control.counters();
    this.#rate = nextRate(this.#rate, performance.now(), movedBytes(counters));
    const highest = this.#counted === undefined ? counters : highestOf(this.#counted, counters);
    meter.counted(transfer, highest, this.#counted);
    this.#counted = highest;
  }
}

/** The engine takes back what it counted of a file that fails in the end; a metric never shrinks. */
function highestOf(before: Counters, after: Counters): Counters {
  return {
    bytesTotal: Math.max(before.bytesTotal, after.bytesTotal),
    bytesDone: Math.max(before.bytesDone, after.bytesDone),
    bytesUnchanged: Math.max(before.bytesUnchanged, after.bytesUnchanged),
    filesTotal: Math.max(before.filesTotal, after.filesTotal),
    filesDone: Math.max(before.filesDone, after.filesDone),
    filesUnchanged: Math.max(before.filesUnchanged, after.filesUnchanged),
    filesFailed: Math.max(before.filesFailed, after.filesFailed),
    filesSkipped: Math.max(before.filesSkipped, after.filesSkipped),
    directoriesDone: Math.max(before.directoriesDone, after.directoriesDone),
    entriesRefused: Math.max(before.entriesRefused, after.entriesRefused),
    entriesFiltered: Math.max(before.entriesFiltered, after.entriesFiltered),
    bytesVerified: Math.max(before.bytesVerified, after.bytesVerified),
    reflinkBytes: Math.max(before.reflinkBytes, after.reflinkBytes),
    copyFileRangeBytes: Math.max(before.copyFileRangeBytes, after.copyFileRangeBytes),
    readWriteBytes: Math.max(before.readWriteBytes, after.readWriteBytes),
    ioUringBytes: Math.max(before.ioUringBytes, after.ioUringBytes),
    mmapBytes: Math.max(before.mmapBytes, after.mmapBytes),
    holeBytes: Math.max(before.holeBytes, after.holeBytes),
    directIoBytes: Math.max(before.directIoBytes, after.directIoBytes),
    throttleWaitMs: Math.max(before.throttleWaitMs, after.throttleWaitMs),
    totalsFinal: after.totalsFinal,
  };
}
