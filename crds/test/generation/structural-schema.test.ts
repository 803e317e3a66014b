import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { structuralSchema } from '../../src/generation/structural-schema.ts';
import { quantityBetween } from '../../src/kinds/quantity.ts';

test('a strict object loses its additionalProperties and keeps the rest', () => {
  const schema = z.strictObject({
    name: z.string().max(9).describe('A name.'),
    mode: z.enum(['A', 'B']).default('A').describe('A mode.'),
    whole: z.int().describe('Any number.'),
    count: z.int().min(0).max(9).meta({ format: 'int32' }).optional().describe('A count.'),
    when: z.iso.datetime({ offset: true }).describe('A time.'),
    list: z.array(z.string().regex(/^a+$/)).max(3).meta({ 'x-kubernetes-list-type': 'atomic' }).describe('A list.'),
  });
  assert.deepEqual(written(structuralSchema(schema)), {
    type: 'object',
    required: ['name', 'whole', 'when', 'list'],
    properties: {
      name: { description: 'A name.', type: 'string', maxLength: 9 },
      mode: { description: 'A mode.', type: 'string', enum: ['A', 'B'], default: 'A' },
      whole: { description: 'Any number.', type: 'integer' },
      count: { description: 'A count.', type: 'integer', format: 'int32', minimum: 0, maximum: 9 },
      when: { description: 'A time.', type: 'string', format: 'date-time' },
      list: {
        description: 'A list.',
        type: 'array',
        maxItems: 3,
        items: { type: 'string', pattern: '^a+$' },
        'x-kubernetes-list-type': 'atomic',
      },
    },
  });
});

test('a quantity is an integer or a string, without a type, with its rules', () => {
  const size = quantityBetween({ least: '1', most: '1Ki', unit: 'bytes', advice: 'ask for less' });
  const { 'x-kubernetes-validations': rules, ...schema } = structuralSchema(size.optional().describe('A size.'));
  assert.deepEqual(written(schema), { description: 'A size.', maxLength: 32, 'x-kubernetes-int-or-string': true });
  assert.equal(rules?.[1]?.message, 'must be from 1 to 1Ki bytes; ask for less');
});

test('keys of the user are any, and a value that is null is kept for a rule to refuse', () => {
  const schema = z.object({
    labels: z
      .record(z.string(), z.string().max(63))
      .meta({ maxProperties: 16, 'x-kubernetes-validations': [{ rule: 'true', message: 'never' }] })
      .describe('Labels.'),
  });
  assert.deepEqual(written(structuralSchema(schema)), {
    type: 'object',
    required: ['labels'],
    properties: {
      labels: {
        description: 'Labels.',
        type: 'object',
        maxProperties: 16,
        additionalProperties: { type: 'string', maxLength: 63, nullable: true },
        'x-kubernetes-validations': [{ rule: 'true', message: 'never' }],
      },
    },
  });
});

test('a list may have a least length', () => {
  assert.deepEqual(written(structuralSchema(z.array(z.boolean().default(false)).min(1).max(2))), {
    type: 'array',
    minItems: 1,
    maxItems: 2,
    items: { type: 'boolean', default: false },
  });
});

const refused: readonly (readonly [string, z.ZodType, RegExp])[] = [
  ['a union', z.object({ a: z.union([z.string(), z.boolean()]) }), /^Error: a: unions are not structural/],
  ['a field of any type', z.object({ a: z.object({ b: z.unknown() }) }), /^Error: a\.b: the type undefined is not structural/],
  ['a fixed value', z.object({ a: z.literal(1) }), /not structural|keyword/],
  ['values of any type', z.object({ a: z.record(z.string(), z.unknown()) }), /^Error: a\.\*: the type undefined is not structural/],
  ['a default for an object', z.object({ a: z.object({}).default({}) }), /^Error: a: only scalars have defaults/],
  ['a pattern with look-ahead', z.object({ a: z.string().regex(/^(?!x)/) }), /^Error: a: the pattern .* is not RE2/],
  ['a pattern with a back reference', z.object({ a: z.array(z.string().regex(/(a)\1/)) }), /^Error: a\.\[\]: the pattern .* is not RE2/],
  ['a null', z.object({ a: z.string().nullable() }), /^Error: a: a CustomResourceDefinition cannot carry the keyword nullable/],
  [
    'an extension on the wrong type',
    z.object({ a: z.string().meta({ 'x-kubernetes-int-or-string': true }) }),
    /union of an integer and a string/,
  ],
];

for (const [name, schema, message] of refused) {
  test(`not structural: ${name}`, () => {
    assert.throws(() => structuralSchema(schema), message);
  });
}

/** As it will stand in the file, where members that are undefined are absent. */
function written(schema: object): unknown {
  return JSON.parse(JSON.stringify(schema));
}
