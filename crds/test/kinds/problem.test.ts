import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { problemsOf, sentence } from '../../src/kinds/problem.ts';

const schema = z.strictObject({
  text: z.string().max(3).optional(),
  one: z.literal('a').optional(),
  some: z.enum(['a', 'b']).optional(),
  whole: z.int().min(1).max(9).optional(),
  list: z
    .array(z.strictObject({ ready: z.boolean() }))
    .max(1)
    .optional(),
  when: z.iso.datetime().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

const table: readonly (readonly [string, unknown, string])[] = [
  ['a missing member', { list: [{}] }, 'list[0].ready: is required'],
  ['another type', { text: true }, 'text: must be a string, not true or false'],
  ['null', { list: null }, 'list: must be a list, not null'],
  ['an object for a list', { list: {} }, 'list: must be a list, not an object'],
  ['a list for an object', { list: [[]] }, 'list[0]: must be an object, not a list'],
  ['a number for a switch', { list: [{ ready: 1 }] }, 'list[0].ready: must be true or false, not a number'],
  ['a string for a number', { whole: '1' }, 'whole: must be a number, not a string'],
  ['a fraction', { whole: 1.5 }, 'whole: must be a whole number, not 1.5'],
  ['a number too small', { whole: 0 }, 'whole: must be at least 1'],
  ['a number too large', { whole: 10 }, 'whole: must be at most 9'],
  ['a text too long', { text: 'abcd' }, 'text: must be at most 3 characters long'],
  ['a list too long', { list: [{ ready: true }, { ready: true }] }, 'list: must be at most 1 entry long'],
  ['another word', { some: 'c' }, 'some: must be a or b'],
  ['another word than the only one', { one: 'c' }, 'one: must be a'],
  ['a time in words', { when: 'noon' }, 'when: must be a time such as 2026-01-31T09:30:00Z'],
  ['a number as a label', { labels: { 'a/b': 1 } }, 'labels["a/b"]: must be a string, not a number'],
  ['an unknown member', { list: [{ ready: true, redy: 1 }] }, `list[0].redy: ${unknownMember()}`],
  ['an unknown member that would clear a terminal', { '\u001b[2J': 1 }, `["\\u001b[2J"]: ${unknownMember()}`],
];

for (const [name, value, problem] of table) {
  test(`said as a sentence: ${name}`, () => {
    const result = schema.safeParse(value, { error: sentence });
    assert.deepEqual(problemsOf(result.error?.issues ?? []), [problem]);
  });
}

function unknownMember(): string {
  return 'this version of SmartCopy has no such field; check its spelling or remove it';
}
