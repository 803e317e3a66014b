import { type Allowance, type Assignment, type AssignmentReport, maxAssignments, type SyncResponse } from '@smartcopy/crds';
import type { Logger } from 'pino';
import type { Cause } from '../engine/transfer-status.ts';
import { pause } from '../pause.ts';
import type { BootClock } from '../system/boot-clock.ts';
import { pageCacheBytes } from '../system/engine-memory.ts';
import { HostFiles } from '../system/host-files.ts';
import { readMemory } from '../system/memory.ts';
import type { NumaNode } from '../system/numa.ts';
import { AssignmentRun, type TransferMeter } from './assignment-run.ts';
import { type EngineRoom, shareOfEngine } from './engine-share.ts';
import type { FailureLogs } from './failure-logs.ts';
import {
  grantOf,
  type HeldAssignment,
  heldAgain,
  isSameWork,
  isWorthSaving,
  keptOf,
  limitOf,
  mayWork,
  newlyHeld,
  reportOf,
} from './held-assignment.ts';
import { obstacleTo, planTransfer } from './plan-assignment.ts';
import type { RootTable } from './root-table.ts';
import type { RunEnd } from './run-assignment.ts';
import { type AgentState, type Departure, maxDepartures, type StateFile } from './state-file.ts';

export interface AssignmentsOptions {
  readonly stateFile: StateFile;
  readonly failureLogs: FailureLogs;
  readonly roots: RootTable;
  readonly clock: BootClock;
  readonly meter: TransferMeter;
  /** Engine threads for one more transfer beside so many others. */
  readonly threadsBeside: (runningCount: number) => number;
  readonly engineRoom: EngineRoom;
  /** The memory nodes of this machine. */
  readonly nodes: readonly NumaNode[];
  readonly log: Logger;
}

/** Leases and allowances end on time to within this; a job must not write a second longer than it may. */
const enforceIntervalMs = 200;
/** A root that is mounted at last, a disk that has room again. */
const retryIntervalMs = 5_000;
/** What goes is a week old. */
const tidyIntervalMs = 60 * 60 * 1000;
/** As long as somebody may take to notice that a shard went by mistake. */
const rememberedForMs = 7 * 24 * 60 * 60 * 1000;

/**
 * The life of assignments on this node, across restarts of the agent. Level-triggered: `apply` says what is to be, and what is follows.
 * All of them run at once, as many as one exchange can hold: a small job never waits for a large one.
 */
export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #held = new Map<string, HeldAssignment>();
  readonly #departures = new Map<string, Departure>();
  readonly #newsListeners: (() => void)[] = [];
  #saved: AgentState | undefined;
  #settling: Promise<void> = Promise.resolve();
  #isEnding = false;

  private constructor(options: AssignmentsOptions) {
    this.#options = options;
  }

  /**
   * Takes up what an earlier process held; `run` goes on with what is still leased. The state directory's lock must be held.
   * @throws NodeJS.ErrnoException when the state cannot be read
   */
  static async load(options: AssignmentsOptions): Promise<Assignments> {
    const { stateFile, clock } = options;
    const loaded = new Assignments(options);
    const state = await stateFile.load(clock.bootId);
    for (const kept of state.assignments) loaded.#held.set(kept.assignment.id, heldAgain(kept, clock.nowMs()));
    for (const departure of state.departures) loaded.#departures.set(departure.id, departure);
    return loaded;
  }

  /**
   * What this agent is to do from now on: what is missing is stopped, what differs is begun anew, the rest goes on under its new lease.
   * @param sentAtMs when the request that this answers was sent, by the boot clock: leases are counted from then
   * @returns once that is saved and begun, as far as it can be; threads may still be ending
   * @throws NodeJS.ErrnoException when it cannot be saved: what was to be stopped has been told to, and nothing new was begun
   */
  async apply({ assignments, allowances }: Pick<SyncResponse, 'assignments' | 'allowances'>, sentAtMs: number): Promise<void> {
    const grants = new Map(allowances.map((allowance) => [allowance.assignment, allowance]));
    const wanted = new Set(assignments.map(({ id }) => id));
    for (const [id, held] of this.#held) if (!wanted.has(id)) held.isWanted = false;
    for (const assignment of assignments) this.#take(assignment, grants.get(assignment.id), sentAtMs);
    await this.#settle();
  }

  /** What there is to say of each; of what is at work first, should there be more than an exchange can hold. */
  reports(): AssignmentReport[] {
    const bootMs = this.#options.clock.nowMs();
    const held = [...this.#held.values()].toSorted((left, right) => Number(right.run !== undefined) - Number(left.run !== undefined));
    return held.slice(0, maxAssignments).map((one) => reportOf(one, bootMs, Date.now()));
  }

  /** Whether something is to be done, or is being done. */
  get hasWork(): boolean {
    return [...this.#held.values()].some(({ ended, mayTellEnd, run }) => ended === undefined || !mayTellEnd || run !== undefined);
  }

  /** How many there are of each kind. */
  census(): { readonly running: number; readonly waiting: number; readonly ended: number } {
    const all = [...this.#held.values()];
    const running = all.filter(({ run }) => run !== undefined).length;
    const ended = all.filter(({ run, ended: end }) => run === undefined && end !== undefined).length;
    return { running, ended, waiting: all.length - running - ended };
  }

  /** @param listener called when there is something that the operator should hear at once: a first byte, an end */
  onNews(listener: () => void): void {
    this.#newsListeners.push(listener);
  }

  /** Goes on with what is leased, and sees to it that leases and allowances end on time, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#trySettle();
    await Promise.all([this.#enforceAgain(signal), this.#retryAgain(signal), this.#tidyAgain(signal)]);
  }

  /** Stops all work at a chunk's edge and begins nothing any more; it stays saved, and the next process goes on with it. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#enforce();
    await Promise.allSettled([...this.#held.values()].map(({ run }) => run?.ended));
    await this.#trySettle();
  }

  #take(assignment: Assignment, grant: Allowance | undefined, sentAtMs: number): void {
    const known = this.#held.get(assignment.id);
    const held = known ?? newlyHeld(assignment, this.#departures.get(assignment.id)?.attempt ?? 0);
    if (known === undefined) {
      this.#held.set(assignment.id, held);
    } else if (!isSameWork(known.assignment, assignment)) {
      held.ended = undefined;
      held.lastWords = undefined;
      held.waiting = undefined;
    }
    this.#departures.delete(assignment.id);
    held.assignment = assignment;
    held.isWanted = true;
    held.leaseEndMs = sentAtMs + assignment.leaseMs;
    held.allowance = grant === undefined ? undefined : grantOf(grant, sentAtMs);
  }

  /** One after the other, so that what is begun was saved before. */
  #settle(): Promise<void> {
    const settled = this.#settling.catch(() => undefined).then(() => this.#settleOnce());
    this.#settling = settled;
    return settled;
  }

  async #trySettle(): Promise<void> {
    try {
      await this.#settle();
    } catch (error) {
      this.#options.log.error({ err: error }, 'assignments not saved');
    }
  }

  async #settleOnce(): Promise<void> {
    this.#enforce();
    this.#forget();
    const beginnings = this.#beginnings();
    const ends = [...this.#held.values()].flatMap((held) =>
      held.ended === undefined || held.mayTellEnd ? [] : [{ held, ended: held.ended }],
    );
    for (const { held } of beginnings) held.attempt += 1;
    try {
      await this.#save();
    } catch (error) {
      for (const { held } of beginnings) {
        held.attempt -= 1;
        held.waiting = notSaved('what it is about to do', error);
      }
      for (const { held } of ends) held.waiting = notSaved('how this ended', error);
      throw error;
    }
    for (const { held, ended } of ends) if (held.ended === ended) this.#tellEnd(held);
    for (const { held, assignment } of beginnings) if (isSameWork(assignment, held.assignment)) this.#begin(held);
  }

  #tellEnd(held: HeldAssignment): void {
    held.mayTellEnd = true;
    held.waiting = undefined;
    this.#tell();
  }

  /** Stops what must not go on, and slows what may. */
  #enforce(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const held of this.#held.values()) {
      const { run, assignment } = held;
      if (run === undefined) continue;
      if (!this.#mayBegin(held) || !isSameWork(run.assignment, assignment)) this.#stopRun(held, run);
      run.limit(limitOf(held, nowMs));
    }
  }

  #stopRun(held: HeldAssignment, run: AssignmentRun): void {
    if (run.isStopping) return;
    const why = this.#isEnding
      ? 'AgentEnds'
      : !held.isWanted
        ? 'Withdrawn'
        : isSameWork(run.assignment, held.assignment)
          ? 'LeaseOver'
          : 'Changed';
    this.#logOf(held).info({ why }, 'assignment stopping');
    run.stop();
  }

  #mayBegin(held: HeldAssignment): boolean {
    return !this.#isEnding && mayWork(held, this.#options.clock.nowMs());
  }

  /** Lets go of what nobody wants and nothing works on; how often it was begun is known from the moment that it is not wanted. */
  #forget(): void {
    const nowMs = Date.now();
    for (const [id, { isWanted, run, attempt }] of this.#held) {
      if (isWanted) continue;
      if (attempt > 0 && !this.#departures.has(id)) this.#departures.set(id, { id, attempt, goneAtMs: nowMs });
      if (run === undefined) this.#held.delete(id);
    }
    for (const [id, { goneAtMs }] of this.#departures) {
      if (nowMs - goneAtMs >= rememberedForMs || this.#departures.size > maxDepartures) this.#departures.delete(id);
    }
  }

  #beginnings(): readonly { readonly held: HeldAssignment; readonly assignment: Assignment }[] {
    return [...this.#held.values()].flatMap((held) => {
      if (held.run !== undefined || !this.#mayBegin(held)) return [];
      const obstacle = obstacleTo(held.assignment, this.#options.roots);
      if (obstacle !== undefined && obstacle.reason !== held.waiting?.reason) this.#logOf(held).warn(obstacle, 'assignment waiting');
      held.waiting = obstacle ?? held.waiting; // Until it is begun there may be another.
      return obstacle === undefined ? [{ held, assignment: held.assignment }] : [];
    });
  }

  #begin(held: HeldAssignment): void {
    const { roots, clock, meter, failureLogs, threadsBeside, engineRoom, nodes } = this.#options;
    const { assignment, attempt } = held;
    // Saving took its time: the lease may have passed, a root may have gone.
    if (held.run !== undefined || !this.#mayBegin(held)) return;
    const transfer = planTransfer(assignment, {
      roots,
      attempt,
      threadCount: threadsBeside(this.census().running),
      memoryBytes: engineRoom.memoryBytes,
      nodes,
      share: (asked) => shareOfEngine(asked, engineRoom, this.#usedBytes()),
      pageCacheBytes: pageCacheBytes(readMemory(new HostFiles('/'))),
    });
    if (transfer === undefined) return;
    const run = new AssignmentRun({
      assignment,
      transfer,
      limitBytesPerSecond: limitOf(held, clock.nowMs()),
      failureLog: failureLogs.open(assignment.id, attempt),
      clock,
      meter,
      onFirstByte: () => this.#tell(),
    });
    held.run = run;
    held.waiting = undefined;
    const { threadCount, bufferBytes } = transfer;
    const { threadCount: askedThreadCount, bufferBytes: askedBufferBytes } = assignment.spec;
    this.#logOf(held).info({ attempt, threadCount, bufferBytes, askedThreadCount, askedBufferBytes }, 'assignment started');
    run.ended
      .then((end) => this.#end(held, run, end))
      .catch((error) => this.#logOf(held).error({ err: error }, 'assignment ended, but its end could not be taken down'));
  }

  #usedBytes(): number {
    return [...this.#held.values()].reduce((sum, { run }) => sum + (run?.memoryBytes ?? 0), 0);
  }

  async #end(held: HeldAssignment, run: AssignmentRun, end: RunEnd): Promise<void> {
    const moments = { startedAtMs: run.startedAtMs, firstByteAtMs: run.firstByteAtMs };
    held.run = undefined;
    held.lastWords = { ...moments, ...run.report(Date.now()) };
    const counts = { filesDone: held.lastWords.progress?.filesDone, bytesDone: held.lastWords.progress?.bytesDone };
    const log = this.#logOf(held);
    if (end.state === 'Stopped') log.info(counts, 'assignment stopped');
    else {
      const { report: _report, error, ...rest } = end;
      const { reason, message } = end.outcome ?? {};
      if (end.state === 'Succeeded') log.info({ ...counts, reason }, 'assignment succeeded');
      // A stack is for who mends the program; all else is said by the sentence.
      else log.warn({ ...counts, reason, problem: message, ...(reason === 'InternalError' ? { err: error } : {}) }, 'assignment failed');
      if (held.isWanted && isSameWork(run.assignment, held.assignment)) {
        held.mayTellEnd = false;
        held.ended = { ...rest, ...moments };
      }
    }
    await this.#trySettle();
    this.#tell();
  }

  async #save(): Promise<void> {
    const { clock, stateFile } = this.#options;
    const next: AgentState = {
      bootId: clock.bootId,
      assignments: [...this.#held.values()].filter(({ isWanted }) => isWanted).map(keptOf),
      departures: [...this.#departures.values()],
    };
    if (!isWorthSaving(this.#saved, next, clock.nowMs())) return;
    // Should it fail half-way, nobody knows which of the two is there.
    this.#saved = undefined;
    await stateFile.save(next);
    this.#saved = next;
  }

  async #enforceAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#enforce();
      await pause(enforceIntervalMs, signal);
    }
  }

  async #retryAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(retryIntervalMs, signal);
      const isWaiting = [...this.#held.values()].some(({ waiting }) => waiting !== undefined);
      if (isWaiting) await this.#options.roots.look();
      if (isWaiting || this.#saved === undefined) await this.#trySettle();
    }
  }

  async #tidyAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(tidyIntervalMs, signal);
      try {
        this.#options.failureLogs.prune(Date.now());
      } catch (error) {
        this.#options.log.warn({ err: error }, 'old report files not removed');
      }
    }
  }

  #tell(): void {
    for (const listener of this.#newsListeners) listener();
  }

  #logOf({ assignment: { id, epoch, spec } }: HeldAssignment): Logger {
    return this.#options.log.child({ shard: id, epoch, job: `${spec.job.namespace}/${spec.job.name}` });
  }
}

function notSaved(what: string, error: unknown): Cause {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: 'StateNotSaved', message: `the agent cannot save ${what}: ${why}`.slice(0, 1024) };
}
