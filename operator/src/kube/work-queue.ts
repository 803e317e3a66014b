import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { backoffMs } from './backoff.ts';
import { keyFromText, keyText, type ObjectKey } from './resource.ts';

export interface WorkQueueHooks {
  /** A key came in that was not waiting already. */
  readonly onAdd?: (queue: string) => void;
  /** A key will come back because its work failed. */
  readonly onRetry?: (queue: string) => void;
  /** A key was taken after it had waited so long. */
  readonly onTake?: (queue: string, waitMs: number) => void;
}

export interface WorkQueueOptions {
  /** For metrics. */
  readonly name: string;
  readonly clock?: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly hooks?: WorkQueueHooks;
}

/** From a conflict that is over at once to an API server that is away for minutes. */
const retryRange = { firstMs: 5, maxMs: 30_000 };
/** The longest time that a timer can take, 24 days; work that is looked at too early is only asked when to come back. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * Keys whose objects should be looked at. A key is in it once however often it is added, and never with two workers at once: what
 * is added while it is being worked on waits until `done`.
 */
export class WorkQueue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #hooks: WorkQueueHooks;
  /** Waiting keys in order, with the moment since when they wait. */
  readonly #waiting = new Map<string, number>();
  readonly #taken = new Set<string>();
  /** Added while they were taken. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly dueMs: number; readonly timer: NodeJS.Timeout }>();
  readonly #failureCounts = new Map<string, number>();
  readonly #takers = new Set<() => void>();

  constructor({ name, clock = systemClock, random = Math.random, hooks = {} }: WorkQueueOptions) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  /** How many keys wait for a worker. */
  get depth(): number {
    return this.#waiting.size;
  }

  add(key: ObjectKey): void {
    const text = keyText(key);
    if (this.#waiting.has(text) || this.#again.has(text)) return;
    this.#hooks.onAdd?.(this.name);
    if (this.#taken.has(text)) {
      this.#again.add(text);
      return;
    }
    this.#enqueue(text);
  }

  /** Adds a key later; of several times for one key the earliest holds. */
  addAfter(key: ObjectKey, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const text = keyText(key);
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const known = this.#delayed.get(text);
    if (known !== undefined && known.dueMs <= dueMs) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(
      () => {
        this.#delayed.delete(text);
        this.add(key);
      },
      Math.min(Math.ceil(delayMs), maxDelayMs),
    );
    // Whoever takes from the queue keeps the process alive; a key that nobody will take need not.
    timer.unref();
    this.#delayed.set(text, { dueMs, timer });
  }

  /** Adds a key after its work failed, each time later than before; `forget` starts anew. */
  addRateLimited(key: ObjectKey): void {
    const text = keyText(key);
    const failureCount = (this.#failureCounts.get(text) ?? 0) + 1;
    this.#failureCounts.set(text, failureCount);
    this.#hooks.onRetry?.(this.name);
    this.addAfter(key, backoffMs(retryRange, failureCount, this.#random));
  }

  forget(key: ObjectKey): void {
    this.#failureCounts.delete(keyText(key));
  }

  /** Waits for a key; whoever takes it calls `done` when finished with it. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<ObjectKey> {
    for (;;) {
      if (signal.aborted) {
        // This one may have been woken for a key that another one can still take.
        this.#wakeTaker();
        throw signal.reason;
      }
      const [first] = this.#waiting;
      if (first !== undefined) return this.#takeOut(...first);
      await this.#arrival(signal);
    }
  }

  done(key: ObjectKey): void {
    const text = keyText(key);
    this.#taken.delete(text);
    if (this.#again.delete(text)) this.#enqueue(text);
  }

  #enqueue(text: string): void {
    this.#waiting.set(text, this.#clock.monotonicMs());
    this.#wakeTaker();
  }

  #wakeTaker(): void {
    const [wake] = this.#takers;
    if (this.#waiting.size > 0) wake?.();
  }

  #takeOut(text: string, sinceMs: number): ObjectKey {
    this.#waiting.delete(text);
    this.#taken.add(text);
    this.#hooks.onTake?.(this.name, this.#clock.monotonicMs() - sinceMs);
    return keyFromText(text);
  }

  /** Resolves when a key may have come, or the signal is aborted. */
  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#takers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#takers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
