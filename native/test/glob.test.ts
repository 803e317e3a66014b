import assert from 'node:assert/strict';
import { test } from 'node:test';
import picomatch from 'picomatch';
import { checkGlob, globMatches } from '../lib/index.ts';

// The matcher beside picomatch, over patterns and paths in which the two mean the same. Where they do not is said in docs/selection.md.

/** Numbers that are the same in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

const random = numbers(20_260_131);
const below = (bound: number): number => (random.next().value ?? 0) % bound;
const oneOf = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0];
const some = (most: number, make: () => string): string => Array.from({ length: 1 + below(most) }, make).join('');

const literal = (): string => oneOf(['a', 'b', 'c', 'ä', '.', '-', '_', '1']);

function ofName(depth: number): string {
  switch (below(depth > 0 ? 9 : 8)) {
    case 0:
      return '*';
    case 1:
      return '?';
    case 2:
      return oneOf(['[ab]', '[a-c]', '[!a]', '[^b-c]', '[ab1]']);
    case 8:
      return `{${some(2, () => ofName(depth - 1))},${some(2, () => ofName(depth - 1))}}`;
    default:
      return literal();
  }
}

/** One name of a pattern: no two stars in a row, and no empty, `.` or `..` one. */
function name(): string {
  // Two dots in a group are a range to picomatch.
  const text = some(4, () => ofName(2))
    .replace(/\*+/g, '*')
    .replace(/\.+/g, '.');
  return /^\.{1,2}$/.test(text) ? 'a' : text;
}

function pattern(): string {
  const names = Array.from({ length: 1 + below(4) }, () => (below(5) === 0 ? '**' : name()));
  // `a/**` means what lies below a, and to picomatch also a itself: here its last name is always one.
  if (names.at(-1) === '**') names.push(name());
  // Behind `**/`, picomatch takes an alternative `*` for the end of everything below.
  return names.join('/').replaceAll('**/{', '**/a{');
}

const path = (): string => Array.from({ length: 1 + below(4) }, () => some(3, literal).replace(/^\.{1,2}$/, 'b')).join('/');

const options = { dot: true, noextglob: true, nonegate: true, strictSlashes: true, posix: true } as const;

/** A path that is likely to match: the pattern with its wildcards filled in. */
function pathLike(text: string): string {
  return text
    .replaceAll('**', () => some(2, () => `${literal()}/`).slice(0, -1))
    .replace(/\*/g, () => oneOf(['', 'a', 'bc', '.']))
    .replace(/\?/g, literal)
    .replace(/\[[^\]]*\]/g, literal)
    .replace(/[{}]/g, '')
    .replace(/,/g, () => oneOf(['', 'a']));
}

test('the engine and picomatch find the same matches', () => {
  let matchCount = 0;
  const rounds = 10_000;
  for (let round = 0; round < rounds; round += 1) {
    const text = pattern();
    const candidate = below(2) === 0 ? path() : pathLike(text);
    if (/(^|\/)(\.{0,2})(\/|$)/.test(candidate) || checkGlob(Buffer.from(text)) !== undefined) continue;
    const compared = text.includes('/') ? candidate : (candidate.split('/').at(-1) ?? '');
    const expected = picomatch(text, options)(compared);
    assert.equal(globMatches(Buffer.from(text), Buffer.from(candidate), false), expected, `${text} and ${candidate}`);
    if (expected) matchCount += 1;
  }
  assert.ok(matchCount > rounds / 20, `only ${matchCount} of ${rounds} pairs match`);
});

test('a pattern that is wrong is told so in a sentence', () => {
  assert.equal(checkGlob(Buffer.from('a[')), "has a '[' that is never closed; write \\[ for the character itself");
  assert.equal(checkGlob(Buffer.from('a{b,')), "has a '{' that is never closed; write \\{ for the character itself");
  assert.equal(checkGlob(Buffer.from([0xff, 0x2a])), undefined, 'names are bytes');
  assert.equal(globMatches(Buffer.from([0xff, 0x2a]), Buffer.from([0xff, 0x61]), false), true);
});
