import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferJobSpec } from '@smartcopy/crds';
import { checkGlob } from '@smartcopy/native';

// A pattern is checked by the job's schema, for the API server in a form it can ask, and by the engine's compiler. Both must say the same.

const place = (root: string) => ({ nodePath: { root, path: '', nodeName: 'here' } });

function schemaAccepts(pattern: string): boolean {
  return transferJobSpec.safeParse({ source: place('a'), destination: place('b'), selection: { exclude: [pattern] } }).success;
}

/** Numbers that are the same in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

test('the schema and the engine accept the same patterns', () => {
  const random = numbers(7);
  const below = (bound: number): number => (random.next().value ?? 0) % bound;
  const parts = [
    'a',
    'b',
    '*',
    '**',
    '?',
    '[',
    ']',
    '{',
    '}',
    ',',
    '/',
    '\\',
    '!',
    '^',
    '-',
    '.',
    '..',
    '[a-z]',
    '{a,b}',
    '{',
    '\\[',
    'ä',
    '😀',
  ];
  let acceptedCount = 0;
  const rounds = 20_000;
  for (let round = 0; round < rounds; round += 1) {
    const pattern = Array.from({ length: 1 + below(9) }, () => parts[below(parts.length)]).join('');
    const wrong = checkGlob(Buffer.from(pattern));
    assert.equal(schemaAccepts(pattern), wrong === undefined, `${JSON.stringify(pattern)}: ${wrong}`);
    if (wrong === undefined) acceptedCount += 1;
  }
  assert.ok(acceptedCount > rounds / 20, `${acceptedCount} of ${rounds} patterns were accepted`);
});

test('a hostile pattern is judged in no time', () => {
  const began = performance.now();
  for (const part of ['{a,', '{a,{b,', '[a', '{,{,{,', '\\{', '{a,b}', '{a,[b', '{,}']) {
    const pattern = part.repeat(256).slice(0, 256);
    assert.equal(schemaAccepts(pattern), checkGlob(Buffer.from(pattern)) === undefined, pattern);
  }
  assert.ok(performance.now() - began < 2_000);
});
