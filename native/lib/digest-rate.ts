import { binding } from './binding.ts';
import type { DigestAlgorithm } from './copy-tree.ts';

/** Bytes per second that one thread digests of a block that stays in its cache. Keeps this thread busy for so long. */
export function digestRate(algorithm: DigestAlgorithm, milliseconds: number): number {
  return binding.digestRate(algorithm, milliseconds);
}
