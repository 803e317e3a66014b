import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { escapePath, pathHex } from '../engine/escape-path.ts';
import type { Failure } from '../engine/run-transfer.ts';

/** Some 300,000 failures of one shard: more than anybody reads, and less than a node's disk feels. */
const maxFileBytes = 64 * 1024 ** 2;
/** Of all shards together; the oldest of those that have ended make room. */
const maxFolderBytes = 256 * 1024 ** 2;
/** As long as the memory of an assignment that has gone: a person has a week to look. */
const keptForMs = 7 * 24 * 60 * 60 * 1000;

interface LogLimits {
  readonly maxFileBytes: number;
  readonly maxFolderBytes: number;
}

/** The failures of each shard, all of them, one JSON object a line: `<state directory>/reports/<shard>.jsonl`. */
export class FailureLogs {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #limits: LogLimits;
  readonly #openFiles = new Set<string>();
  #bytes = 0;

  /** @throws NodeJS.ErrnoException when the folder cannot be made or read */
  constructor(stateFolder: string, log: Logger, limits: LogLimits = { maxFileBytes, maxFolderBytes }) {
    this.#folder = join(stateFolder, 'reports');
    this.#log = log;
    this.#limits = limits;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.prune(Date.now());
  }

  /** The log of one attempt at a shard, behind those of the attempts before. A disk that is full loses lines, never a copy. */
  open(shard: string, attempt: number): FailureLog {
    const name = `${shard}.jsonl`;
    this.#openFiles.add(name);
    return new FailureLog({
      attempt,
      path: join(this.#folder, name),
      log: this.#log.child({ shard }),
      mayGrow: (fileBytes, bytes) => fileBytes + bytes <= this.#limits.maxFileBytes && this.#makeRoom(bytes),
      onClose: () => this.#openFiles.delete(name),
    });
  }

  /** Removes what is a week old, and the oldest until so many bytes more have room; never what is being written. */
  prune(nowMs: number, neededBytes = 0): void {
    const files = readdirSync(this.#folder).flatMap((name) => {
      const stats = statSync(join(this.#folder, name), { throwIfNoEntry: false });
      return stats?.isFile() ? [{ name, bytes: stats.size, changedMs: stats.mtimeMs }] : [];
    });
    this.#bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files.toSorted((left, right) => left.changedMs - right.changedMs)) {
      const isDue = this.#bytes + neededBytes > this.#limits.maxFolderBytes || nowMs - file.changedMs >= keptForMs;
      if (!isDue || this.#openFiles.has(file.name)) continue;
      unlinkSync(join(this.#folder, file.name));
      this.#bytes -= file.bytes;
    }
  }

  #makeRoom(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.maxFolderBytes) this.prune(Date.now(), bytes);
    if (this.#bytes + bytes > this.#limits.maxFolderBytes) return false;
    this.#bytes += bytes;
    return true;
  }
}

interface LogOptions {
  readonly attempt: number;
  readonly path: string;
  readonly log: Logger;
  /** Whether a file of that size may have so many bytes more; takes them into account if so. */
  readonly mayGrow: (fileBytes: number, bytes: number) => boolean;
  readonly onClose: () => void;
}

/** Written as failures happen; the file is made by the first. */
export class FailureLog {
  readonly #options: LogOptions;
  #fd: number | undefined;
  #fileBytes = 0;
  #isFull = false;
  #lostCount = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  add(failures: readonly Failure[]): void {
    const { attempt, mayGrow } = this.#options;
    try {
      const fd = this.#fd ?? this.#open();
      const lines = failures.map((failure) => `${JSON.stringify(describe(failure, attempt))}\n`).join('');
      const bytes = Buffer.byteLength(lines);
      // What is full stays so for this attempt: asking again for each of a million failures would cost more than they do.
      this.#isFull ||= !mayGrow(this.#fileBytes, bytes);
      if (this.#isFull) this.#lose(failures.length, 'report files are full');
      else if (writeSync(fd, lines) === bytes) this.#fileBytes += bytes;
      else this.#cutBack(fd, failures.length);
    } catch (error) {
      this.#lose(failures.length, error instanceof Error ? error.message : String(error));
    }
  }

  close(): void {
    try {
      if (this.#fd !== undefined) closeSync(this.#fd);
    } catch (error) {
      // Some file systems tell only now that what was written is not there.
      this.#lose(1, error instanceof Error ? error.message : String(error));
    }
    this.#fd = undefined;
    if (this.#lostCount > 0) this.#options.log.warn({ lostCount: this.#lostCount }, 'failures missing from report file');
    this.#options.onClose();
  }

  #open(): number {
    const fd = openSync(this.#options.path, 'a', 0o600);
    this.#fd = fd;
    this.#fileBytes = fstatSync(fd).size;
    return fd;
  }

  /** A line that was written in part would spoil the next one. */
  #cutBack(fd: number, count: number): void {
    this.#isFull = true; // Unless that succeeds, nothing may follow it.
    ftruncateSync(fd, this.#fileBytes);
    this.#isFull = false;
    this.#lose(count, 'the disk is full');
  }

  /** Said once when it begins, and counted at the end. */
  #lose(count: number, why: string): void {
    if (this.#lostCount === 0) this.#options.log.warn({ why }, 'report file incomplete');
    this.#lostCount += count;
  }
}

function describe({ reason, side, path, errno, syscall, offsetBytes, refused }: Failure, attempt: number): object {
  return {
    time: new Date().toISOString(),
    attempt,
    reason,
    side: side === 'source' ? 'Source' : 'Destination',
    path: escapePath(path),
    pathHex: pathHex(path),
    errno,
    syscall,
    offsetBytes,
    ...(refused ? { refused } : {}),
  };
}
