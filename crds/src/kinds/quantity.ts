import { z } from 'zod';
import { type Rule, withRules } from './rule.ts';

// Kubernetes' resource.Quantity without signs and without the suffixes below one (n, u, m): bytes have no parts.
// Two digits of exponent are more than any size needs and keep the arithmetic small.
const pattern = '^([0-9]+([.][0-9]*)?|[.][0-9]+)([kMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$';
const decimalSuffixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** An amount of bytes before it is rounded: `units / per`. */
interface Ratio {
  readonly units: bigint;
  readonly per: bigint;
}

/**
 * A size as Kubernetes writes it, from `least` to `most`, both in the same notation; the parsed value is bytes.
 * @param unit what is counted, for the message: `bytes` or `bytes per second`
 * @param advice what to do instead of a size outside the bounds
 */
export function quantityBetween({ least, most, unit, advice }: { least: string; most: string; unit: string; advice: string }) {
  const [low, high] = [ratioOf(least), ratioOf(most)];
  const rules: readonly Rule<string | number>[] = [
    {
      message: `must be ${unit} as a Kubernetes quantity, such as 500M, 1.5Gi or 1e9 (k, M, G, ... are powers of 1000; Ki, Mi, Gi, ... of 1024)`,
      holds: (value) => matchQuantity(value) !== null,
      cel: `string(self).matches('${pattern}')`,
    },
    {
      message: `must be from ${least} to ${most} ${unit}; ${advice}`,
      holds: (value) => matchQuantity(value) === null || (compare(ratioOf(value), low) >= 0 && compare(ratioOf(value), high) <= 0),
      // A quantity may be written as a number or as text: only its text form can be compared.
      cel:
        `!string(self).matches('${pattern}') || (quantity(string(self)).compareTo(quantity('${least}')) >= 0 && ` +
        `quantity(string(self)).compareTo(quantity('${most}')) <= 0)`,
    },
  ];
  const numberOrText = z.union([z.int(), z.string().max(32)], {
    error: ({ input }) => (input === undefined ? 'is required' : 'must be a quantity such as 1.5Gi, or a whole number'),
  });
  return withRules(numberOrText.meta({ 'x-kubernetes-int-or-string': true }), rules).transform(quantityToBytes);
}

/**
 * The bytes of a size such as `64Ki`, `1.5G`, `1e6` or 4096: what Kubernetes' `Quantity.Value()` gives, parts of a byte rounded up.
 * Exact up to 2^53.
 * @throws RangeError when the text is no such quantity: a sign, a suffix below one (`m`), or more than two digits of exponent
 */
export function quantityToBytes(quantity: string | number): number {
  const { units, per } = ratioOf(quantity);
  return Number((units + per - 1n) / per);
}

function ratioOf(quantity: string | number): Ratio {
  const match = matchQuantity(quantity);
  if (match === null) throw new RangeError(`${JSON.stringify(quantity)} is not a quantity of bytes; write for example 500M, 1.5Gi or 1e9`);
  const [, number = '', , suffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const scale = scaleOf(suffix);
  return { units: BigInt(`${whole}${fraction}`) * scale.units, per: 10n ** BigInt(fraction.length) * scale.per };
}

function scaleOf(suffix: string): Ratio {
  const decimal = decimalSuffixes.indexOf(suffix);
  if (decimal >= 0) return { units: 1000n ** BigInt(decimal), per: 1n };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary >= 0) return { units: 1024n ** BigInt(binary), per: 1n };
  const exponent = BigInt(suffix.slice(1).replace('+', ''));
  return exponent < 0n ? { units: 1n, per: 10n ** -exponent } : { units: 10n ** exponent, per: 1n };
}

function compare(left: Ratio, right: Ratio): number {
  const difference = left.units * right.per - right.units * left.per;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function matchQuantity(quantity: string | number): RegExpExecArray | null {
  return new RegExp(pattern).exec(String(quantity));
}
