import type { Clock } from '../../src/clock.ts';

/** A clock that goes on only when it is told to. */
export class ManualClock implements Clock {
  #passedMs = 0;
  readonly #startMs: number;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#passedMs;
  }

  /** Far from zero, as on a host that has been up for days. */
  monotonicMs(): number {
    return 5_000_000 + this.#passedMs;
  }

  pass(ms: number): void {
    this.#passedMs += ms;
  }
}
