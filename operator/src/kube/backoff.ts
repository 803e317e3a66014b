export interface BackoffRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after so many failures in a row: doubling, with up to half of it taken off by chance, so that those who
 * failed together do not return together.
 * @param failureCount 1 after the first failure
 * @param random from 0 up to 1
 */
export function backoffMs({ firstMs, maxMs }: BackoffRange, failureCount: number, random: () => number): number {
  // 2^30 is beyond any range; the bound keeps the number finite.
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(failureCount - 1, 30));
  return fullMs * (1 - random() / 2);
}
