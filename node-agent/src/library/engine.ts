import { keepEverything, preserveOf } from '../engine/defaults.ts';
import { locateLocalEnds } from '../engine/local-paths.ts';
import { ControlBlock, runTransfer, type Transfer, type TransferReport } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { choicesOf } from '../engine/transfer-choices.ts';
import { SmartcopyError } from '../errors.ts';
import { planLocal } from '../system/local-plan.ts';
import { type CheckedSettings, type CopySettings, checkSettings } from './copy-settings.ts';
import { RunningCopy } from './running-copy.ts';

/** A path as text, or as raw bytes where it is no UTF-8. */
export type CopyPath = string | Uint8Array;

/** A copy that ended, but not with everything copied: `report` says what failed, and how often. */
export class CopyError extends SmartcopyError {
  readonly report: TransferReport;

  constructor(message: string, report: TransferReport) {
    super('SC_COPY_INCOMPLETE', message);
    this.report = report;
  }
}

/**
 * Copies with the same settings as often as it is asked to; copies may run at the same time.
 *
 * ```ts
 * const engine = new Engine({ verify: { algorithm: 'BLAKE3' }, durability: 'Batch' });
 * const running = engine.start('/data/run42', '/backup/run42');
 * for await (const { bytesDone, bytesTotal } of running.progress()) console.log(bytesDone, bytesTotal);
 * const report = await running.report;
 * ```
 */
export class Engine {
  readonly #settings: CheckedSettings;

  /** @throws InputError naming every setting that does not fit */
  constructor(settings: CopySettings = {}) {
    this.#settings = checkSettings(settings);
  }

  /**
   * Begins a copy. A directory's contents become the destination's contents; a file becomes the destination, or goes into it when that
   * is a directory or ends in a slash.
   * @throws InputError when the source is missing or the destination cannot be what was asked for
   */
  start(source: CopyPath, destination: CopyPath): RunningCopy {
    const { signal, limitBytesPerSecond, onFailure } = this.#settings;
    const control = new ControlBlock();
    control.limit(limitBytesPerSecond);
    const report = runTransfer(this.#plan(Buffer.from(source), Buffer.from(destination)), {
      signal: signal ?? new AbortController().signal,
      control,
      onFailures: (failures) => {
        for (const failure of failures) onFailure?.(failure);
      },
    });
    return new RunningCopy(control, report);
  }

  /**
   * Copies, and returns when everything is there.
   * @throws CopyError when something was not copied; what the signal was aborted with; what `start` and `report` throw
   */
  async copy(source: CopyPath, destination: CopyPath): Promise<TransferReport> {
    this.#settings.signal?.throwIfAborted();
    const report = await this.start(source, destination).report;
    if (report.phase === 'Complete') return report;
    if (report.end === 'Cancelled') this.#settings.signal?.throwIfAborted();
    throw new CopyError(describeIncomplete(report), report);
  }

  #plan(source: Buffer, destination: Buffer): Transfer {
    const settings = this.#settings;
    const { threadCount, bufferBytes, verify, digestsFd } = settings;
    const ends = locateLocalEnds(source, destination);
    const { parameters, memory } = planLocal(ends, {
      ...(threadCount === undefined ? {} : { threadCount }),
      ...(bufferBytes === undefined ? {} : { bufferBytes }),
      numa: settings.numa,
      networkOptimized: settings.networkOptimized,
    });
    const identity = ['library', ends.source.root, ends.source.path, ends.destination.root, ends.destination.path];
    return {
      ...ends,
      ...parameters,
      update: settings.update,
      ...choicesOf(settings),
      retries: settings.retries,
      dryRun: settings.dryRun,
      oneFileSystem: settings.oneFileSystem,
      ...(verify === undefined || verify.level === 'None' ? {} : { digest: verify.algorithm }),
      verify: verify?.level ?? 'None',
      ...(digestsFd === undefined ? {} : { digestsFd }),
      durability: settings.durability,
      temporaries: nameTemporaries(
        identity.map((part) => Buffer.from(part)),
        Date.now(),
      ),
      ...preserveOf(settings.preserve),
      io: settings.io,
      directIo: settings.directIo,
      ...memory,
      ...keepEverything,
      crossMounts: settings.crossMounts,
      scanTotals: true,
    };
  }
}

/**
 * Copies a file or a directory tree on all cores, and returns when everything is there.
 *
 * ```ts
 * await copy('/data/run42', '/backup/run42', { update: 'IfDifferent' });
 * ```
 * @throws InputError for paths and settings that do not fit, RefusedError for a copy onto or into itself, NativeIoError when the system
 * refuses an end, CopyError when something was not copied, and what the signal was aborted with
 */
export function copy(source: CopyPath, destination: CopyPath, settings: CopySettings = {}): Promise<TransferReport> {
  return Promise.resolve().then(() => new Engine(settings).copy(source, destination));
}

function describeIncomplete({ failureCount, errors, end }: TransferReport): string {
  const [first] = errors;
  if (end === 'Cancelled') return 'the copy was aborted; what was finished is kept';
  const example =
    first === undefined
      ? ''
      : `, the first ${first.path}: ${[first.reason, first.syscall, first.errno].filter((word) => word !== undefined).join(' ')}`;
  return `${failureCount} entries were not copied${example}; error.report has the kinds of failures`;
}
