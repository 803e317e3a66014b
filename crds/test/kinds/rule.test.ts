import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { type Rule, withRules } from '../../src/kinds/rule.ts';

const short: Rule<string> = { message: 'must be short', holds: (text) => text.length < 3, cel: 'self.size() < 3' };
const lower: Rule<string> = {
  message: 'must be lower case',
  holds: (text) => text === text.toLowerCase(),
  cel: 'self == self.lowerAscii()',
};
const word = withRules(z.string().max(9), [short, lower]);

interface Pair {
  readonly left: string;
  readonly right: string;
}

test('all rules of a value are asked', () => {
  assert.deepEqual(messages(word, 'ABC'), ['must be short', 'must be lower case']);
});

test('rules are not asked about a value of the wrong structure', () => {
  assert.deepEqual(messages(word, 'A'.repeat(10)), ['Too big: expected string to have <=9 characters']);
  assert.deepEqual(messages(word, 1), ['Invalid input: expected string, received number']);
});

test('rules of an object see only members that keep their own', () => {
  const asked: Pair[] = [];
  const pair = withRules(z.object({ left: word, right: word }), [
    { message: 'must differ', holds: (value: Pair) => asked.push(value) > 0 && value.left !== value.right, cel: 'self.left != self.right' },
  ]);
  assert.deepEqual(messages(pair, { left: 'A', right: 'b' }), ['must be lower case']);
  assert.deepEqual(asked, []);
  assert.deepEqual(messages(pair, { left: 'b', right: 'b' }), ['must differ']);
});

test('a rule may name the member that is at fault, for both doors', () => {
  const pair = withRules(z.object({ left: word, right: word }), [
    { member: 'right', message: 'must differ', holds: ({ left, right }: Pair) => left !== right, cel: 'self.left != self.right' },
  ]);
  const result = pair.safeParse({ left: 'b', right: 'b' });
  assert.deepEqual(
    result.error?.issues.map(({ path }) => path),
    [['right']],
  );
  assert.deepEqual(pair.meta(), {
    'x-kubernetes-validations': [{ rule: 'self.left != self.right', message: 'must differ', fieldPath: '.right' }],
  });
});

test('rules added to a schema that has some come after them, and rely on them', () => {
  const plain = withRules(word.describe('A word.'), [{ message: 'must be ab', holds: (text) => text === 'ab', cel: "self == 'ab'" }]);
  assert.deepEqual(messages(plain, 'ab'), []);
  assert.deepEqual(messages(plain, 'ac'), ['must be ab']);
  assert.deepEqual(messages(plain, 'ABC'), ['must be short', 'must be lower case']);
  assert.deepEqual(plain.meta(), {
    description: 'A word.',
    'x-kubernetes-validations': [
      { rule: 'self.size() < 3', message: 'must be short' },
      { rule: 'self == self.lowerAscii()', message: 'must be lower case' },
      { rule: "self == 'ab'", message: 'must be ab' },
    ],
  });
});

test('a description added later keeps the rules', () => {
  assert.deepEqual(word.describe('A word.').meta(), {
    description: 'A word.',
    'x-kubernetes-validations': [
      { rule: 'self.size() < 3', message: 'must be short' },
      { rule: 'self == self.lowerAscii()', message: 'must be lower case' },
    ],
  });
});

function messages(schema: z.ZodType, value: unknown): readonly string[] {
  return schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
}
