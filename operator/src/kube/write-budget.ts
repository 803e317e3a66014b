import { type Clock, systemClock } from '../clock.ts';

/** What a write is for; those before go first. */
export type WritePriority = (typeof priorities)[number];
const priorities = ['start', 'transition', 'event'] as const;

export interface WriteRates {
  /** Writes a second on average. */
  readonly perSecond: number;
  /** Writes a second for a short while. */
  readonly burstPerSecond: number;
  /** How long such a while may last after a time without writes. */
  readonly burstSeconds: number;
}

export const defaultWriteRates: WriteRates = { perSecond: 20, burstPerSecond: 50, burstSeconds: 10 };

export interface WriteBudgetHooks {
  /** A write of progress was put off. */
  readonly onDeferred?: () => void;
}

interface Waiter {
  readonly grant: () => void;
}

/** Writes of progress leave this part of both buckets to those that cannot be put off. */
const headroom = 0.5;

/**
 * Shares out the writes that the API server is asked to bear. Two buckets must both have a token: one for the mean, whose depth
 * is what a burst may use beyond it, and one for the burst's own rate.
 */
export class WriteBudget {
  readonly #clock: Clock;
  readonly #hooks: WriteBudgetHooks;
  readonly #buckets: readonly Bucket[];
  readonly #waiting: Readonly<Record<WritePriority, Set<Waiter>>> = { start: new Set(), transition: new Set(), event: new Set() };
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock = systemClock, rates: WriteRates = defaultWriteRates, hooks: WriteBudgetHooks = {}) {
    const { perSecond, burstPerSecond, burstSeconds } = rates;
    const nowMs = clock.monotonicMs();
    this.#clock = clock;
    this.#hooks = hooks;
    this.#buckets = [
      new Bucket(perSecond, (burstPerSecond - perSecond) * burstSeconds, nowMs),
      new Bucket(burstPerSecond, burstPerSecond, nowMs),
    ];
  }

  /** Waits for a write's turn: by priority, then in order. @throws the signal's reason; then no turn was used up */
  async take(priority: WritePriority, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const waiter: Waiter = { grant: turn.resolve };
    const waiters = this.#waiting[priority];
    const abort = (): void => {
      // A turn that was granted in the same moment is used.
      if (waiters.delete(waiter)) turn.reject(signal.reason);
      this.#grant();
    };
    waiters.add(waiter);
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.#grant();
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** For progress, which can be written another time: takes a turn only if enough is left for others, so never while somebody waits. */
  tryTake(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isFree = this.#buckets.every((bucket) => bucket.tokens(nowMs) - 1 >= bucket.capacity * headroom);
    if (isFree) for (const bucket of this.#buckets) bucket.take(nowMs);
    else this.#hooks.onDeferred?.();
    return isFree;
  }

  /** Gives turns to those who wait while there are any, and comes back when there will be one. */
  #grant(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const waitMs = Math.max(...this.#buckets.map((bucket) => bucket.msToNext(nowMs)));
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#grant(), Math.ceil(waitMs));
        return;
      }
      for (const bucket of this.#buckets) bucket.take(nowMs);
      next.waiters.delete(next.waiter);
      next.waiter.grant();
    }
  }

  #next(): { readonly waiters: Set<Waiter>; readonly waiter: Waiter } | undefined {
    for (const priority of priorities) {
      const waiters = this.#waiting[priority];
      const [waiter] = waiters;
      if (waiter !== undefined) return { waiters, waiter };
    }
    return undefined;
  }
}

/** Tokens that come at a rate and are kept up to a capacity; full at first. */
class Bucket {
  readonly perMs: number;
  readonly capacity: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, capacity: number, nowMs: number) {
    this.perMs = perSecond / 1000;
    this.capacity = capacity;
    this.#tokens = capacity;
    this.#atMs = nowMs;
  }

  tokens(nowMs: number): number {
    this.#tokens = Math.min(this.capacity, this.#tokens + (nowMs - this.#atMs) * this.perMs);
    this.#atMs = nowMs;
    return this.#tokens;
  }

  take(nowMs: number): void {
    this.#tokens = this.tokens(nowMs) - 1;
  }

  /** 0 when a token is there. */
  msToNext(nowMs: number): number {
    // Sums of fractions of a token fall short of it by rounding.
    return Math.max(0, (1 - this.tokens(nowMs) - 1e-9) / this.perMs);
  }
}
