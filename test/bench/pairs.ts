/** The quotient of each pair of times, peer by ours: above 1 we are faster. Pairs were measured next to each other. */
export interface PairedRatio {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/**
 * Compares times taken in pairs. The median of the ratios, because the machine's speed drifts between pairs and not within one.
 * @param pairs seconds, at least one
 */
export function pairedRatio(pairs: readonly { readonly ours: number; readonly peer: number }[]): PairedRatio {
  const ratios = pairs.map(({ ours, peer }) => peer / ours);
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  if (low === undefined || high === undefined) throw new RangeError('the median of nothing');
  return (low + high) / 2;
}

/** Which of two comes first in each pair: ABBA, so that a drift in one direction cancels out. */
export function abba(pairCount: number): readonly boolean[] {
  return Array.from({ length: pairCount }, (_, index) => index % 2 === 0);
}
