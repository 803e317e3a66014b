import {
  type CompareTreesRequest,
  type CompareTreesResult,
  ControlBlock,
  compareTrees,
  type Difference,
  type DifferenceKind,
  type Failure,
} from '@smartcopy/native';
import { type FailureGroup, FailureSummary } from './failure-summary.ts';

export type { Difference, DifferenceKind } from '@smartcopy/native';

/** Two trees to compare, with everything decided. See CompareTreesRequest for each field. */
export type Comparison = Omit<CompareTreesRequest, 'onFindings'>;

export interface ComparisonWatch {
  /** Aborting ends the comparison within milliseconds. */
  readonly signal: AbortSignal;
  /** Aborting gives the report at once, of what is known by then. The engine may still be ending: for a process about to exit. */
  readonly abandon: AbortSignal;
  /** Both receive what is found as it is found, in batches. What they throw ends the comparison and is thrown again. */
  readonly onDifferences: (differences: readonly Difference[]) => void;
  readonly onFailures: (failures: readonly Failure[]) => void;
}

/** How a comparison went. */
export interface ComparisonReport {
  /** Everything that was looked at is the same, and nothing was left out. */
  readonly equal: boolean;
  readonly cancelled: boolean;
  readonly differences: Readonly<Record<DifferenceKind, number>>;
  readonly differenceCount: number;
  /** Entries that could not be compared; the first ten kinds of them in `errors`. */
  readonly failureCount: number;
  readonly errors: readonly FailureGroup[];
  /** Names on both sides that are no directories; of these the files whose content was read; pairs of directories. */
  readonly entriesCompared: number;
  readonly filesRead: number;
  readonly directoriesCompared: number;
  /** On both sides together. */
  readonly bytesRead: number;
  readonly digestsError?: NonNullable<CompareTreesResult['digestsError']>;
  readonly durationMs: number;
}

const noDifferences: CompareTreesResult['differences'] = {
  missing: 0,
  extra: 0,
  type: 0,
  size: 0,
  content: 0,
  mode: 0,
  owner: 0,
  time: 0,
  xattr: 0,
  link: 0,
};

/** Every kind of difference, in the order in which they are counted for a person. */
export const differenceKinds = Object.keys(noDifferences) as readonly DifferenceKind[];

/**
 * Compares two trees to their end.
 * @throws RefusedError when both are the same; NativeIoError when one cannot be opened
 */
export async function runComparison(comparison: Comparison, watch: ComparisonWatch): Promise<ComparisonReport> {
  const { signal, abandon } = watch;
  const control = new ControlBlock();
  const failures = new FailureSummary();
  const startedAt = performance.now();
  const cancel = (): void => control.cancel();
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    const result = await Promise.race([compare(comparison, watch, { control, failures }), whenAbandoned(abandon)]);
    return makeReport(result, { control, failures, durationMs: performance.now() - startedAt });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

interface Gathered {
  readonly control: ControlBlock;
  readonly failures: FailureSummary;
}

async function compare(
  comparison: Comparison,
  { onDifferences, onFailures }: ComparisonWatch,
  { control, failures }: Gathered,
): Promise<CompareTreesResult> {
  const thrown: unknown[] = [];
  const onFindings: CompareTreesRequest['onFindings'] = (findings) => {
    const failed = findings.filter((finding): finding is Failure => 'reason' in finding);
    failures.add(failed);
    try {
      onFailures(failed);
      onDifferences(findings.filter((finding): finding is Difference => 'kind' in finding));
    } catch (error) {
      thrown.push(error); // The engine is in the middle of its work: it is stopped first, then told about.
      control.cancel();
    }
  };
  const result = await compareTrees({ ...comparison, onFindings }, control);
  if (thrown.length > 0) throw thrown[0];
  return result;
}

function whenAbandoned(abandon: AbortSignal): Promise<CompareTreesResult> {
  const result: CompareTreesResult = { cancelled: true, differences: noDifferences };
  return new Promise((resolve) => {
    abandon.addEventListener('abort', () => resolve(result), { once: true });
    if (abandon.aborted) resolve(result);
  });
}

function makeReport(
  { cancelled, differences, digestsError }: CompareTreesResult,
  { control, failures, durationMs }: Gathered & { readonly durationMs: number },
): ComparisonReport {
  const counters = control.counters();
  const differenceCount = Object.values(differences).reduce((sum, count) => sum + count, 0);
  return {
    equal: !cancelled && differenceCount === 0 && failures.failureCount === 0,
    cancelled,
    differences,
    differenceCount,
    failureCount: failures.failureCount,
    errors: failures.groups,
    entriesCompared: counters.filesTotal,
    filesRead: counters.filesDone,
    directoriesCompared: counters.directoriesDone,
    bytesRead: counters.bytesVerified,
    ...(digestsError === undefined ? {} : { digestsError }),
    durationMs,
  };
}
