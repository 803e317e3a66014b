import { type ControlBlock, type CopyTreeRequest, type CopyTreeResult, type Counters, copyTree, type Failure } from '@smartcopy/native';
import { type FailureGroup, FailureSummary } from './failure-summary.ts';
import { describeLoss, type Loss } from './losses.ts';

// Whoever runs transfers needs these of the engine, and nothing else of it.
export { ControlBlock, type Counters, type Failure, type FailureReason, NativeIoError, RefusedError } from '@smartcopy/native';

/** One transfer between two local places, with everything decided. See CopyTreeRequest for each field. */
export type Transfer = Omit<CopyTreeRequest, 'onFailures' | 'onLines'>;

export interface TransferWatch {
  /** Aborting ends the transfer within milliseconds: finished files stay, unfinished ones are removed. */
  readonly signal: AbortSignal;
  /** Aborting gives the report at once, of what is known by then. The engine may still be ending: for a process about to exit. */
  readonly abandon?: AbortSignal;
  /** Made for this transfer alone. Its counters may be read and its limit set at any time meanwhile. */
  readonly control: ControlBlock;
  /** Receives every failure and refusal as it happens, in batches. What it throws ends the transfer and is thrown again. */
  readonly onFailures: (failures: readonly Failure[]) => void;
  /** Receives a line for each entry, many at a time; see CopyTreeRequest. */
  readonly onLines?: (lines: Buffer) => void;
}

/** How a transfer went; also when entries of it failed. */
export interface TransferReport {
  /** Complete: every entry that can be copied was, with everything the durability level promises, and its digest written if wanted. */
  readonly phase: 'Complete' | 'Failed';
  readonly end: CopyTreeResult['end'];
  readonly counters: Counters;
  readonly failureCount: number;
  /** Of the failures: files that differed when they were read back. */
  readonly mismatchCount: number;
  /** Of the failures: directories that were refused because copying them would have copied the tree into itself. */
  readonly intoItselfCount: number;
  /** The first ten kinds of failure. */
  readonly errors: readonly FailureGroup[];
  /** What ended the transfer, when it ended early. */
  readonly endedBy?: FailureGroup;
  readonly fallbacks: CopyTreeResult['fallbacks'];
  /** What was copied and is not quite the same: one of each kind. */
  readonly losses: readonly Loss[];
  readonly temporariesRemoved: number;
  /** Entries that were tried again after a failure that may pass, each time counted. */
  readonly triedAgain: number;
  /** Content that a dry run would have copied; 0 of any other. */
  readonly plannedBytes: number;
  /** The digest list could not be written to its end, though the copy went on. */
  readonly digestsError?: NonNullable<CopyTreeResult['digestsError']>;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** By a clock that does not jump. */
  readonly durationMs: number;
}

/**
 * Runs one transfer to its end: the one entrance to the engine for the CLI and the agent.
 * @returns also when entries failed or the signal aborted it
 * @throws RefusedError when it would copy something onto or into itself; NativeIoError when nothing could be started
 */
export async function runTransfer(transfer: Transfer, watch: TransferWatch): Promise<TransferReport> {
  const { signal, abandon, control } = watch;
  const failures = new FailureSummary();
  const startedAtMs = Date.now();
  const startedAt = performance.now();
  const cancel = (): void => control.cancel();
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    const copying = copy(transfer, watch, failures);
    const result = await (abandon === undefined ? copying : Promise.race([copying, whenAbandoned(abandon)]));
    const timing = { startedAtMs, endedAtMs: Date.now(), durationMs: performance.now() - startedAt };
    return makeReport(result, failures, control.counters(), timing);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function copy(
  transfer: Transfer,
  { control, onFailures, onLines }: TransferWatch,
  failures: FailureSummary,
): Promise<CopyTreeResult> {
  const thrown: unknown[] = [];
  const record = (batch: readonly Failure[]): void => {
    failures.add(batch);
    try {
      onFailures(batch);
    } catch (error) {
      thrown.push(error); // The engine is in the middle of its work: it is stopped first, then told about.
      control.cancel();
    }
  };
  const result = await copyTree({ ...transfer, onFailures: record, ...(onLines === undefined ? {} : { onLines }) }, control);
  if (thrown.length > 0) throw thrown[0];
  return result;
}

function whenAbandoned(abandon: AbortSignal): Promise<CopyTreeResult> {
  const nothing = { notKept: [], temporariesRemoved: 0, triedAgain: 0, plannedBytes: 0 };
  const result: CopyTreeResult = { end: 'Cancelled', fallbacks: [], ...nothing };
  return new Promise((resolve) => {
    abandon.addEventListener('abort', () => resolve(result), { once: true });
    if (abandon.aborted) resolve(result);
  });
}

type Timing = Pick<TransferReport, 'startedAtMs' | 'endedAtMs' | 'durationMs'>;

function makeReport(result: CopyTreeResult, failures: FailureSummary, counters: Counters, timing: Timing): TransferReport {
  const { end, fallbacks, notKept, temporariesRemoved, triedAgain, plannedBytes, digestsError } = result;
  const { failureCount, mismatchCount, intoItselfCount, groups, last } = failures;
  return {
    phase: end === 'Finished' && failureCount === 0 && digestsError === undefined ? 'Complete' : 'Failed',
    end,
    counters,
    failureCount,
    mismatchCount,
    intoItselfCount,
    errors: groups,
    ...(end === 'EndedEarly' && last !== undefined ? { endedBy: last } : {}),
    fallbacks,
    losses: notKept.map(describeLoss),
    temporariesRemoved,
    triedAgain,
    plannedBytes,
    ...(digestsError === undefined ? {} : { digestsError }),
    ...timing,
  };
}
