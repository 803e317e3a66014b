import { setTimeout } from 'node:timers/promises';
import { movedBytes, nextRate, startRate } from '../engine/rate.ts';
import type { ControlBlock, Counters, TransferReport } from '../engine/run-transfer.ts';

/** A moment of a copy. */
export interface CopyProgress extends Counters {
  /** Of the last seconds; neither shared blocks nor holes are in it. */
  readonly bytesPerSecond: number;
}

/** How often progress is told where nobody says. */
const defaultIntervalMs = 200;

/** A copy that has begun. It goes on by itself; nothing here has to be called. */
export class RunningCopy {
  /** How it ended; also when entries failed or it was aborted. @throws RefusedError and NativeIoError when it could not start */
  readonly report: Promise<TransferReport>;
  readonly #control: ControlBlock;
  #hasEnded = false;

  constructor(control: ControlBlock, report: Promise<TransferReport>) {
    this.#control = control;
    this.report = report.finally(() => {
      this.#hasEnded = true;
    });
    this.report.catch(() => undefined); // Whoever only watches the progress is told there.
  }

  /** What it has done by now. */
  counters(): Counters {
    return this.#control.counters();
  }

  /** Sets another limit for all threads together; `undefined` lifts it, 0 lets nothing move until there is another. */
  limit(bytesPerSecond: number | undefined): void {
    this.#control.limit(bytesPerSecond);
  }

  /** Ends it within milliseconds: finished files stay, unfinished ones are removed. The report says Cancelled. */
  abort(): void {
    this.#control.cancel();
  }

  /**
   * Moments of it until it has ended; the last one has the final numbers. Leaving the loop does not end the copy.
   * @throws what `report` is rejected with
   */
  async *progress(intervalMs: number = defaultIntervalMs): AsyncGenerator<CopyProgress, void, undefined> {
    let rate = startRate(performance.now(), 0);
    const moment = (): CopyProgress => {
      const counters = this.#control.counters();
      rate = nextRate(rate, performance.now(), movedBytes(counters));
      return { ...counters, bytesPerSecond: rate.bytesPerSecond };
    };
    while (!this.#hasEnded) {
      yield moment();
      const waiting = new AbortController();
      const timer = setTimeout(intervalMs, undefined, { signal: waiting.signal }).catch(() => undefined);
      await Promise.race([timer, this.report]).finally(() => waiting.abort());
    }
    await this.report;
    yield moment();
  }
}
