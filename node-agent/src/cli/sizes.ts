const factors: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/**
 * Bytes as people write them: `65536`, `64K`, `1.5M`, `2G`, powers of 1024, either case.
 * @returns `undefined` for anything else; a fraction of a byte is dropped
 */
export function parseSize(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)$/i.exec(text) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  const bytes = Math.floor(Number(number) * (factors[unit.toUpperCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
