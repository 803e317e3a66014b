/** The two readings of time that the operator uses; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, for what people and other machines read. It jumps when somebody sets it. */
  now(): number;
  /** Milliseconds since some moment, for durations. It never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};
