import type { AgentCapabilities, SyncRequest, SyncResponse } from '@smartcopy/crds';
import type { Logger } from 'pino';
import type { Assignments } from '../assignments/assignments.ts';
import type { RootTable } from '../assignments/root-table.ts';
import { pause } from '../pause.ts';
import type { BootClock } from '../system/boot-clock.ts';
import { backoffMs, type Trouble } from './backoff.ts';
import { type Answer, NoAnswerError, type OperatorConnection } from './operator-connection.ts';

/** This process, as it is known to the operator. */
export interface AgentFacts {
  readonly instanceId: string;
  readonly version: string;
  readonly capabilities: AgentCapabilities;
}

export interface SyncLoopOptions {
  readonly connection: Pick<OperatorConnection, 'sync'>;
  readonly assignments: Assignments;
  readonly roots: RootTable;
  readonly agent: AgentFacts;
  readonly clock: BootClock;
  /** A number from 0 to 1, another one each time. */
  readonly chance: () => number;
  readonly log: Logger;
  /** Called for each exchange with the status of the answer, or with one word for why there was none. */
  readonly onSync: (code: string) => void;
  /** Called when it changes whether the operator answers. */
  readonly onConnected: (isConnected: boolean) => void;
}

/** While there is work the operator hears of it about once a second, and its shortest grants are renewed in time. */
const waitWithWorkMs = 1_000;
/** Below the half minute after which proxies tend to cut idle connections. */
const waitIdleMs = 25_000;
/** For the way there and back, and an operator that is busy. */
const answerWithinMs = 15_000;
/** What an operator may ask for at most; after three times as long it counts an agent as lost. */
const maxPauseMs = 30_000;
/** Between two requests at least, whatever the operator answers. */
const askIntervalMs = 100;
/** After a set that could not be saved: a disk that is full stays so for longer, and each try costs it a write. */
const pauseAfterFailureMs = 1_000;
/** What one turn may take: an exchange that is held, and the longest pause after it. */
export const longestTurnMs = waitIdleMs + answerWithinMs + maxPauseMs;
/** News are told four times a second at most: hundreds of jobs may start at once. */
const newsIntervalMs = 250;
/** A last word, before the process ends. */
const lastWordWithinMs = 2_000;

/** The exchange with the operator: tells what there is to say, and has done what is asked. Decides nothing about jobs. */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #appliedRevision: string | undefined;
  #leader: string | undefined;
  #failureCount = 0;
  /** What is wrong, in one word; undefined while the operator answers. Logged when it changes. */
  #trouble: string | undefined = 'NotAskedYet';
  #hasApplyFailed = false;
  #hasNews = false;
  #onNews: () => void = () => undefined;
  /** Long ago: the first request is sent at once. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #turnedAt = performance.now();

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    options.assignments.onNews(() => {
      this.#hasNews = true;
      this.#onNews();
    });
  }

  /** @returns when the signal is aborted, or when a newer agent has taken this one's place */
  async run(signal: AbortSignal): Promise<'stopped' | 'superseded'> {
    while (!signal.aborted) {
      this.#turnedAt = performance.now();
      await this.#options.roots.look();
      await pause(Math.max(0, this.#sentAt + askIntervalMs - performance.now()), signal);
      const sentAtMs = this.#options.clock.nowMs();
      const answer = await this.#ask(signal);
      if (answer === 'stopped') break;
      if (answer === 'news') continue;
      if (answer instanceof NoAnswerError) await this.#backOff({ trouble: 'NoAnswer', word: answer.word, message: answer.message }, signal);
      else if (answer.kind === 'answered') await this.#carryOut(answer.response, sentAtMs, signal);
      else if (answer.refusal?.code === 'Superseded') return 'superseded';
      else await this.#heedRefusal(answer, signal);
    }
    return 'stopped';
  }

  /** How long ago the exchange began its last turn, in milliseconds; it stands still when that grows beyond `longestTurnMs`. */
  sinceTurnMs(): number {
    return performance.now() - this.#turnedAt;
  }

  /** Tells how things stand, if the operator was there a moment ago; the answer is not heard. Ends within two seconds. */
  async sayLastWord(): Promise<void> {
    if (this.#trouble !== undefined) return;
    const { connection, log } = this.#options;
    try {
      const signal = new AbortController().signal;
      await connection.sync(this.#request(0), { signal, timeoutMs: lastWordWithinMs, leader: this.#leader });
    } catch (error) {
      log.debug({ err: error }, 'last word not heard');
    }
  }

  /** One exchange. A request that is held is given up for news; the one that tells them is not held, so that it is answered for certain. */
  async #ask(signal: AbortSignal): Promise<Answer | NoAnswerError | 'news' | 'stopped'> {
    const { connection, assignments, onSync } = this.#options;
    const waitMs = this.#hasNews ? 0 : assignments.hasWork ? waitWithWorkMs : waitIdleMs;
    this.#hasNews = false;
    this.#sentAt = performance.now();
    const held = new AbortController();
    using _listening = waitMs === 0 ? undefined : this.#whenNews(() => held.abort());
    try {
      const exchange = { signal: AbortSignal.any([signal, held.signal]), timeoutMs: waitMs + answerWithinMs, leader: this.#leader };
      const answer = await connection.sync(this.#request(waitMs), exchange);
      onSync(codeOf(answer));
      return answer;
    } catch (error) {
      if (signal.aborted) return 'stopped';
      if (held.signal.aborted) return 'news';
      if (!(error instanceof NoAnswerError)) throw error;
      onSync(error.word);
      return error;
    }
  }

  #request(waitMs: number): SyncRequest {
    const { clock, roots, assignments, agent } = this.#options;
    return {
      bootId: clock.bootId,
      ...agent,
      ...(this.#appliedRevision === undefined ? {} : { appliedRevision: this.#appliedRevision }),
      waitMs,
      roots: roots.reports(),
      reports: assignments.reports(),
    };
  }

  async #carryOut(response: SyncResponse, sentAtMs: number, signal: AbortSignal): Promise<void> {
    this.#noteTrouble(undefined);
    this.#failureCount = 0;
    try {
      await this.#options.assignments.apply(response, sentAtMs);
      this.#appliedRevision = response.revision;
      this.#hasApplyFailed = false;
    } catch (error) {
      // Not to say that the set is applied makes the operator send it again, after a pause.
      if (!this.#hasApplyFailed) this.#options.log.error({ err: error }, 'assignments not applied');
      this.#hasApplyFailed = true;
      await pause(pauseAfterFailureMs, signal);
    }
    if (response.nextSyncMs > 0) await this.#pauseUnlessNews(Math.min(response.nextSyncMs, maxPauseMs), signal);
  }

  async #heedRefusal({ status, refusal }: Extract<Answer, { kind: 'refused' }>, signal: AbortSignal): Promise<void> {
    const isNotReady = refusal?.code === 'NotReady';
    const leader = isNotReady ? addressOf(refusal?.leader) : undefined;
    const isNewLeader = leader !== undefined && leader !== this.#leader;
    const word = refusal?.code ?? `Status${status}`;
    await this.#backOff({ trouble: isNotReady ? 'NotReady' : 'NoAnswer', word, message: refusal?.message ?? '', isNewLeader }, signal);
    this.#leader = leader;
  }

  async #backOff({ trouble, word, message, isNewLeader = false }: Failed, signal: AbortSignal): Promise<void> {
    this.#noteTrouble(word, message);
    // Whoever was said to lead may lead no more: the configured address knows.
    this.#leader = undefined;
    this.#failureCount += 1;
    await pause(backoffMs(trouble, isNewLeader ? 1 : this.#failureCount, this.#options.chance()), signal);
  }

  #noteTrouble(word: string | undefined, message?: string): void {
    if (word === this.#trouble) return;
    const { log, onConnected } = this.#options;
    if (word === undefined) log.info('operator answers');
    else log.warn({ trouble: word, problem: message }, 'operator does not answer');
    if ((word === undefined) !== (this.#trouble === undefined)) onConnected(word === undefined);
    this.#trouble = word;
  }

  async #pauseUnlessNews(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    using _listening = this.#whenNews(() => over.abort());
    await pause(ms, AbortSignal.any([signal, over.signal]));
  }

  /** Calls once when there are news, no sooner than they may be told again. */
  #whenNews(call: () => void): Disposable {
    let timer: NodeJS.Timeout | undefined;
    this.#onNews = () => {
      timer ??= setTimeout(call, Math.max(0, this.#sentAt + newsIntervalMs - performance.now()));
    };
    if (this.#hasNews) this.#onNews();
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        this.#onNews = () => undefined;
      },
    };
  }
}

interface Failed {
  readonly trouble: Trouble;
  readonly word: string;
  readonly message: string;
  readonly isNewLeader?: boolean;
}

/** Statuses that an operator sends; whatever else somebody answers is one value of the metric. */
const knownStatuses: ReadonlySet<number> = new Set([400, 401, 404, 409, 413, 503]);

function codeOf(answer: Answer): string {
  if (answer.kind === 'answered') return '200';
  return knownStatuses.has(answer.status) ? String(answer.status) : 'Other';
}

/** `host:port`, or nothing when it is no such thing. */
function addressOf(leader: string | undefined): string | undefined {
  if (leader === undefined || !URL.canParse(`https://${leader}`)) return undefined;
  return new URL(`https://${leader}`).host === leader ? leader : undefined;
}
