import { escapePath, pathHex } from '../engine/escape-path.ts';
import { explainStart } from '../engine/explain-start.ts';
import { locateComparedEnds } from '../engine/local-paths.ts';
import { type Comparison, type ComparisonReport, type Difference, runComparison } from '../engine/run-comparison.ts';
import { describeGroup } from '../engine/transfer-status.ts';
import { readCpus } from '../system/cpus.ts';
import { HostFiles } from '../system/host-files.ts';
import { chooseThreadCount } from '../system/thread-count.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import { describeDifference, describeUncompared, summariseComparison } from './difference-lines.ts';
import { closeDigests, openDigestsFile } from './digests-file.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { throwIfInterrupted } from './interruption.ts';
import type { Places } from './places.ts';
import { parseVerifyOptions, type VerifyOptions } from './verify-options.ts';

/** As many differences as the JSON document names; all are counted, and all are named as they are found. */
const maxInDocument = 1000;

/**
 * `smartcopy verify SRC DST`: whether a copy is still what its source is.
 * @throws InputError for options or paths that do not fit
 */
export async function verify(
  givenOptions: object,
  [source = '', destination = '']: readonly string[],
  context: CommandContext,
): Promise<ExitStatus> {
  const options = parseVerifyOptions(givenOptions);
  const ends = locateComparedEnds(argumentBytes(source), argumentBytes(destination));
  const places: Places = { ...ends.names, areFiles: ends.source.path.length > 0 };
  await throwIfInterrupted(context.interruption.end);
  const digests =
    options.digestsFile === undefined ? undefined : await openDigestsFile(options.digestsFile, { places }, context.interruption);
  const comparison: Comparison = {
    source: ends.source,
    destination: ends.destination,
    threadCount: options.threadCount === 0 ? chooseThreadCount(readCpus(new HostFiles('/'))) : options.threadCount,
    bufferBytes: 1024 ** 2,
    digest: options.algorithm,
    ignore: options.ignore,
    crossMounts: true,
    ...(digests === undefined ? {} : { digestsFd: digests.fd }),
  };
  const telling = new Telling(options, places, context);
  try {
    const report = await watchComparison(comparison, telling, context);
    const lost = digests === undefined ? undefined : closeDigests(digests.fd);
    return telling.end({ ...(lost === undefined ? {} : { digestsError: lost }), ...report });
  } catch (error) {
    return telling.refuse(error);
  }
}

function watchComparison(comparison: Comparison, telling: Telling, { interruption }: CommandContext): Promise<ComparisonReport> {
  // Nobody is left to read what is found: there is no use in finding more.
  const signal = AbortSignal.any([interruption.end, telling.unread]);
  return runComparison(comparison, {
    signal,
    abandon: interruption.abandon,
    onDifferences: (differences) => telling.differences(differences),
    onFailures: (failures) => {
      for (const failure of failures) telling.screen.line(describeUncompared(failure, telling.places));
    },
  });
}

/** What a person or a script hears of a comparison: differences are the answer and go to stdout, all else to stderr. */
class Telling {
  readonly #options: VerifyOptions;
  readonly places: Places;
  readonly screen: CommandContext['screen'];
  readonly #interruption: CommandContext['interruption'];
  readonly #found: Difference[] = [];
  readonly #unread = new AbortController();

  constructor(options: VerifyOptions, places: Places, { screen, interruption }: CommandContext) {
    this.#options = options;
    this.places = places;
    this.screen = screen;
    this.#interruption = interruption;
  }

  /** Aborted when the answer cannot be written any more. */
  get unread(): AbortSignal {
    return this.#unread.signal;
  }

  differences(found: readonly Difference[]): void {
    if (found.length === 0) return;
    this.#found.push(...found.slice(0, maxInDocument - this.#found.length));
    if (this.#options.quiet || this.unread.aborted) return;
    const lines = found.map((difference) => describeDifference(difference, this.#options.algorithm));
    if (this.#options.json) {
      for (const line of lines) this.screen.line(line);
    } else if (deliverAnswer(lines.map((line) => `${line}\n`).join(''), exitStatus.done, this.screen) !== exitStatus.done) {
      this.#unread.abort();
    }
  }

  end(report: ComparisonReport): ExitStatus {
    const { digestsError } = report;
    if (digestsError !== undefined) this.screen.line(`the digests are incomplete: ${digestsError.syscall}: ${digestsError.errno}`);
    if (!this.#options.quiet) this.screen.line(summariseComparison(report, this.#options, this.unread.aborted));
    const status = this.#statusOf(report);
    if (!this.#options.json) return status;
    const { errors, ...counts } = report;
    const document = {
      ...counts,
      algorithm: this.#options.algorithm,
      ignored: this.#options.ignore,
      errors: errors.map(describeGroup),
      found: this.#found.map(differenceForJson),
    };
    return deliverAnswer(`${JSON.stringify(document)}\n`, status, this.screen);
  }

  /** The engine did not start. */
  refuse(error: unknown): ExitStatus {
    const cause = error instanceof Error ? explainStart(error, escapePath, 'compared') : undefined;
    if (cause === undefined) throw error;
    this.screen.line(cause.message);
    const status = cause.reason === 'SameFile' ? exitStatus.refused : exitStatus.failed;
    if (!this.#options.json) return status;
    return deliverAnswer(`${JSON.stringify({ equal: false, ...cause })}\n`, status, this.screen);
  }

  #statusOf({ equal, digestsError }: ComparisonReport): ExitStatus {
    if (this.#interruption.end.aborted) return exitStatus.interrupted;
    return equal && digestsError === undefined ? exitStatus.done : exitStatus.failed;
  }
}

function differenceForJson({ kind, path, source, destination, attribute }: Difference): object {
  const hex = pathHex(path);
  return {
    kind,
    path: escapePath(path),
    ...(hex === undefined ? {} : { pathHex: hex }),
    ...(source.length === 0 ? {} : { source: escapePath(source) }),
    ...(destination.length === 0 ? {} : { destination: escapePath(destination) }),
    ...(attribute === undefined ? {} : { attribute: escapePath(attribute) }),
  };
}
