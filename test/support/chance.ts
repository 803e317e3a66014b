import { randomInt } from 'node:crypto';
import process from 'node:process';
import type { TestContext } from 'node:test';

/** Numbers that look random and come from a seed, so that a failure can be had again. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1. The generator is mulberry32: 32 bits of state, good enough to choose moments and sizes. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** At least `low` and below `high`. */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A whole number from 0 to `count - 1`. */
  index(count: number): number {
    return Math.floor(this.fraction() * count);
  }
}

/** Chance for one test. Its seed is said in the test's output; SMARTCOPY_TEST_SEED gives the same one again. */
export function chanceFor(t: TestContext): Chance {
  const seed = Number(process.env.SMARTCOPY_TEST_SEED ?? randomInt(2 ** 32));
  t.diagnostic(`SMARTCOPY_TEST_SEED=${seed}`);
  return new Chance(seed);
}
