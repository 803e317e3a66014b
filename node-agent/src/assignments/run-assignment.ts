import type { AssignedEnd, Assignment } from '@smartcopy/crds';
import { joinPath } from '../engine/byte-paths.ts';
import { escapePath, shortenPath } from '../engine/escape-path.ts';
import { explainStart } from '../engine/explain-start.ts';
import { type ControlBlock, type Failure, runTransfer, type Transfer, type TransferReport } from '../engine/run-transfer.ts';
import { type Cause, describeEnded } from '../engine/transfer-status.ts';
import type { FailureLog } from './failure-logs.ts';
import { showEnd } from './plan-assignment.ts';
import type { Ending } from './state-file.ts';

/** How a run ended. Stopped: it was told to, and may be continued. */
export type RunEnd =
  | { readonly state: 'Stopped' }
  | ({ readonly report?: TransferReport; readonly error?: unknown } & Pick<
      Ending,
      'state' | 'outcome' | 'progress' | 'engineUsed' | 'errors'
    >);

export interface RunWatch {
  /** Aborting stops it within milliseconds: finished files stay, unfinished ones are removed. */
  readonly signal: AbortSignal;
  readonly control: ControlBlock;
  readonly failureLog: FailureLog;
  readonly onFailures: (failures: readonly Failure[]) => void;
}

/** Of outcomes. */
const maxMessageLength = 1024;
const maxPathLength = 256;

/** Runs an assignment to its end. Never throws: whatever goes wrong is how it ended. */
export async function runAssignment(assignment: Assignment, transfer: Transfer, watch: RunWatch): Promise<RunEnd> {
  const { signal, control, failureLog, onFailures } = watch;
  const record = (failures: readonly Failure[]): void => {
    failureLog.add(failures);
    onFailures(failures);
  };
  try {
    return describeEnd(await runTransfer(transfer, { signal, control, onFailures: record }), transfer);
  } catch (error) {
    const { reason, message } = explain(error, assignment, transfer);
    return { state: 'Failed', outcome: { reason, message: message.slice(0, maxMessageLength) }, error };
  } finally {
    failureLog.close();
  }
}

function describeEnd(report: TransferReport, transfer: Transfer): RunEnd {
  if (report.end === 'Cancelled') return { state: 'Stopped' };
  const { progress, engineUsed, errors, failure, message, verified } = describeEnded(report, transfer.verify);
  const reason = failure?.reason ?? 'Succeeded';
  return {
    state: failure === undefined ? 'Succeeded' : 'Failed',
    outcome: { reason, message: message.slice(0, maxMessageLength), ...(verified === undefined ? {} : { verified }) },
    progress,
    engineUsed,
    errors: [...errors],
    report,
  };
}

/** Why the engine did not start, in the words of the job: the paths of the node are not its author's business. */
function explain(error: unknown, { spec }: Assignment, transfer: Transfer): Cause {
  const internal = { reason: 'InternalError', message: "a mistake in smartcopy itself; the agent's log has the details" };
  if (!(error instanceof Error)) return internal;
  const errno = 'errno' in error ? error.errno : undefined;
  const path = 'path' in error && error.path instanceof Uint8Array ? Buffer.from(error.path) : Buffer.alloc(0);
  const source = { end: spec.source, root: transfer.source.root, path: transfer.source.path };
  const destination = { end: spec.destination, root: transfer.destination.root, path: transfer.destination.path };
  if ((errno === 'ENOENT' || errno === 'ENOTDIR') && isOnTheWay(path, source)) return sourceNotFound(path, source);
  if (errno === 'EISDIR') {
    const message = 'the source is a file, which cannot take the place of a root; name a file in spec.destination.nodePath.path';
    return { reason: 'TypeConflict', message };
  }
  const shown = (): string => showPlace(path, isOnTheWay(path, source) ? source : destination);
  return explainStart(error, shown) ?? internal;
}

/** One end as the engine was given it. */
interface Place {
  readonly end: AssignedEnd;
  readonly root: Uint8Array;
  readonly path: Uint8Array;
}

function sourceNotFound(path: Buffer, place: Place): Cause {
  const reason = 'SourceNotFound';
  const { end } = place;
  if (belowOpened(path, place) !== undefined) return { reason, message: `the source ${showEnd(end)} does not exist` };
  return { reason, message: `the directory that the policy opens as '${end.alias}' does not exist on the node` };
}

function isOnTheWay(path: Buffer, { root, path: below }: Place): boolean {
  const whole = withSlash(joinPath(Buffer.from(root), Buffer.from(below)));
  return path.length > 0 && whole.subarray(0, path.length + 1).equals(withSlash(path));
}

function showPlace(path: Buffer, place: Place): string {
  const below = belowOpened(path, place);
  if (below === undefined) return `the directory that the policy opens as '${place.end.alias}'`;
  return `${place.end.alias}:${shortenPath(escapePath(below), maxPathLength)}`;
}

/** The part of a path that the job knows; `undefined` for what lies above the directory that the policy opens. */
function belowOpened(path: Buffer, { end: { subPath }, root }: Place): Buffer | undefined {
  const opened = withSlash(subPath === '' ? Buffer.from(root) : joinPath(Buffer.from(root), Buffer.from(subPath)));
  if (!withSlash(path).subarray(0, opened.length).equals(opened) || path.length <= opened.length) return undefined;
  return path.subarray(opened.length);
}

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === 0x2f ? path : Buffer.concat([path, Buffer.from('/')]);
}
