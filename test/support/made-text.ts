import type { Chance } from './chance.ts';

/** Characters at which programs stumble: ends, separators, signs, what a terminal acts on, halves of pairs of UTF-16. */
const odd = [
  '\0',
  '\n',
  '\r',
  '\t',
  ' ',
  '/',
  '\\',
  '.',
  '..',
  '-',
  ',',
  ':',
  ';',
  '%',
  '"',
  "'",
  '{',
  '[',
  '0',
  '9',
  'e',
  '\x1b',
  '\x7f',
  '\u2028',
  '\ufeff',
  'ä',
  '😀',
  '\ud83d',
  '__proto__',
];

/**
 * Text by chance that is near to what a parser takes, so that it gets behind its first check: one of these examples with parts
 * changed, cut out, repeated, or brought from another.
 */
export function textNear(chance: Chance, examples: readonly string[]): string {
  let text = oneOf(chance, examples);
  for (let count = chance.index(5); count > 0; count -= 1) text = changed(chance, text, examples);
  return text;
}

/** The same for bytes. */
export function bytesNear(chance: Chance, examples: readonly Buffer[]): Buffer {
  const text = textNear(
    chance,
    examples.map((bytes) => bytes.toString('latin1')),
  );
  return Buffer.from(text, 'latin1');
}

export function oneOf<Value>(chance: Chance, values: readonly Value[]): Value {
  const value = values[chance.index(values.length)];
  if (value === undefined) throw new RangeError('there is nothing to choose from');
  return value;
}

function changed(chance: Chance, text: string, examples: readonly string[]): string {
  const at = chance.index(text.length + 1);
  const end = Math.min(text.length, at + chance.index(4));
  switch (chance.index(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, at) + text.slice(at, end).repeat(1 + chance.index(30)) + text.slice(end);
    case 3:
      return text.slice(0, at) + oneOf(chance, examples) + text.slice(at);
    default:
      return text.slice(0, at) + oneOf(chance, odd) + text.slice(end);
  }
}
