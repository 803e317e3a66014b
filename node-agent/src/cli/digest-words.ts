/** How digests are called on the command line. */
export const digestWords = {
  xxhash3: 'XXH3',
  xxh3: 'XXH3',
  xxhash64: 'XXH64',
  xxh64: 'XXH64',
  blake3: 'BLAKE3',
  sha256: 'SHA256',
} as const;

/** Of these an option's sentence tells. */
export const digestList = 'xxhash3, xxhash64, blake3 or sha256';

/** The digest that a word means; `undefined` for any other word. */
export function digestCalled(word: string): (typeof digestWords)[keyof typeof digestWords] | undefined {
  return Object.entries(digestWords).find(([name]) => name === word)?.[1];
}
