import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { findProgram } from './programs.ts';

export interface Patience {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ServerOptions {
  /** How errors call it. */
  readonly name: string;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Receives what it says, after what the file holds already. */
  readonly logFile: string;
}

const shownLines = 25;
const intervalMs = 25;

/** A program that serves until it is told to end. Its process is never looked for by name: it is our child. */
export class ServerProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves, never rejects, when it has ended for whatever reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #logStart: number;
  #startError: Error | undefined;
  #isStopping = false;

  constructor({ name, program, arguments: programArguments, folder, environment, logFile }: ServerOptions) {
    this.name = name;
    this.logFile = logFile;
    const [first, ...rest] = [...diesWithUs(), program, ...programArguments];
    const log = openSync(logFile, 'a', 0o600);
    this.#logStart = fstatSync(log).size;
    try {
      // In a session of its own: Ctrl-C in a terminal reaches whoever started it, who ends it in good order.
      const stdio = ['ignore', log, log] as const;
      this.#child = spawn(first ?? program, rest, { cwd: folder, env: environment, stdio: [...stdio], detached: true });
    } finally {
      closeSync(log);
    }
    this.ended = new Promise((resolve) => {
      this.#child.on('exit', () => resolve());
      this.#child.on('error', (error) => {
        this.#startError ??= error;
        if (this.#child.pid === undefined) resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Whether it has ended although nobody here asked it to. */
  hasFailed(): boolean {
    return this.hasEnded() && !this.#isStopping;
  }

  /** Sends a signal; false when it has ended already. */
  kill(signal: NodeJS.Signals): boolean {
    this.#isStopping ||= signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGKILL';
    return !this.hasEnded() && this.#child.kill(signal);
  }

  /** Asks it to end, and ends it by force when it takes longer than it may. Resolves when it is gone. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    if (!this.kill('SIGTERM')) return;
    const timeout = new AbortController();
    const killed = setTimeout(graceMs, undefined, { signal: timeout.signal }).then(
      () => this.kill('SIGKILL'),
      () => undefined, // it ended in time
    );
    await this.ended;
    timeout.abort();
    await killed;
  }

  /**
   * Waits until something is so while it runs.
   * @returns the first answer that is not undefined or false
   * @throws when it ends before, or at the deadline: with its last words
   */
  async until<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false, patience: Patience = {}): Promise<T> {
    const { deadlineMs = 60_000, signal } = patience;
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      signal?.throwIfAborted();
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      if (this.hasEnded()) throw new Error(`${what}: ${this.howItEnded()}`);
      if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs / 1000} s; ${this.lastWords()}`);
      await setTimeout(intervalMs);
    }
  }

  /** What it has said so far, without what the file held before. */
  log(): string {
    return readFileSync(this.logFile).subarray(this.#logStart).toString();
  }

  howItEnded(): string {
    return `${this.shortEnd()}; ${this.lastWords()}`;
  }

  /** How it ended, without its words. */
  shortEnd(): string {
    const { exitCode, signalCode } = this.#child;
    return `${this.name} ended with ${this.#startError?.message ?? signalCode ?? exitCode}`;
  }

  lastWords(): string {
    const lines = this.log().trimEnd().split('\n');
    return `${this.name} said last:\n${lines.slice(-shownLines).join('\n')}`;
  }
}

/** The kernel kills it when this process dies without having stopped it, as when a test run is killed. */
function diesWithUs(): readonly string[] {
  const setpriv = findProgram('setpriv');
  return setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL'];
}
