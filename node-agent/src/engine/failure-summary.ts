import type { Failure } from '@smartcopy/native';
import { escapePath, pathHex, shortenPath } from './escape-path.ts';

/** Failures of one kind: the first of them, and how many there were. */
export interface FailureGroup {
  readonly reason: Failure['reason'];
  readonly side: Failure['side'];
  /** Of the first failure: below its end of the transfer, escaped, at most 256 characters. */
  readonly path: string;
  /** Its first 256 bytes in hexadecimal digits, where it is no UTF-8. */
  readonly pathHex?: string;
  readonly errno?: string;
  readonly syscall?: string;
  readonly count: number;
}

/** As many groups as a status holds. */
const maxGroupCount = 10;
const maxPathLength = 256;
const maxPathBytesInHex = 256;

/**
 * Gathers a transfer's failures in bounded memory: the first of each kind and the counts. A million unreadable files are
 * one group; every single one is handed to the caller of the transfer as it happens.
 */
export class FailureSummary {
  readonly #groups = new Map<string, FailureGroup>();
  #failureCount = 0;
  #mismatchCount = 0;
  #intoItselfCount = 0;
  #last: Failure | undefined;

  add(failures: readonly Failure[]): void {
    for (const failure of failures) {
      // What is never copied is counted by the engine; it is no failure.
      if (!failure.refused) this.#addOne(failure);
    }
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  /** Files that were not the same when they were read back. */
  get mismatchCount(): number {
    return this.#mismatchCount;
  }

  /** Directories where source and destination turned out to be one. */
  get intoItselfCount(): number {
    return this.#intoItselfCount;
  }

  /** The latest failure: what ended the transfer, if it ended early. */
  get last(): FailureGroup | undefined {
    return this.#last === undefined ? undefined : describe(this.#last);
  }

  /** The first ten kinds, in the order they were first seen. */
  get groups(): readonly FailureGroup[] {
    return [...this.#groups.values()].slice(0, maxGroupCount);
  }

  #addOne(failure: Failure): void {
    const kind = `${failure.reason} ${failure.side} ${failure.errno} ${failure.syscall}`;
    const known = this.#groups.get(kind);
    this.#failureCount += 1;
    if (failure.reason === 'VerifyMismatch') this.#mismatchCount += 1;
    if (failure.reason === 'DestinationInsideSource') this.#intoItselfCount += 1;
    this.#last = failure;
    this.#groups.set(kind, known === undefined ? describe(failure) : { ...known, count: known.count + 1 });
  }
}

function describe({ reason, side, path, errno, syscall }: Failure): FailureGroup {
  const hex = pathHex(path);
  return {
    reason,
    side,
    path: shortenPath(escapePath(path), maxPathLength),
    ...(hex === undefined ? {} : { pathHex: hex.slice(0, 2 * maxPathBytesInHex) }),
    ...(errno === undefined ? {} : { errno }),
    ...(syscall === undefined ? {} : { syscall }),
    count: 1,
  };
}
