import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withFieldLists } from '../../src/generation/field-lists.ts';
import type { StructuralSchema } from '../../src/generation/structural-schema.ts';

const place: StructuralSchema = {
  description: 'A place.',
  type: 'object',
  required: ['root'],
  properties: {
    root: { description: 'A root.', type: 'string' },
    path: { description: 'A path.', type: 'string', default: '' },
  },
};

const schema: StructuralSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        source: place,
        destination: place,
        verify: {
          description: 'Checks.',
          type: 'object',
          properties: { level: { description: 'How well.', type: 'string', enum: ['None', 'Source'], default: 'Source' } },
        },
        limit: { description: 'How fast.', 'x-kubernetes-int-or-string': true },
        threads: { description: 'How many.', type: 'integer', minimum: 1, maximum: 256 },
        suspend: { description: 'Whether.', type: 'boolean', default: false },
        labels: { description: 'Labels.', type: 'object', additionalProperties: { type: 'string' } },
        roots: {
          description: 'Roots.',
          type: 'array',
          minItems: 1,
          maxItems: 64,
          items: { type: 'object', required: ['alias'], properties: { alias: { description: 'A word.', type: 'string' } } },
        },
      },
    },
    status: {
      type: 'object',
      properties: {
        errors: {
          description: 'Failures.',
          type: 'array',
          maxItems: 10,
          items: {
            type: 'object',
            properties: { count: { description: 'How many.', type: 'integer' }, at: { description: 'When.', format: 'date-time' } },
          },
        },
      },
    },
  },
};

test('a list has every field, and one line for what has a list of its own', () => {
  const page =
    'Prose.\n<!-- fields: spec -->\n<!-- end of fields -->\nMore.\n<!-- fields: spec.source spec.destination -->\n<!-- end of fields -->\n';
  assert.equal(
    withFieldLists(page, schema),
    `Prose.
<!-- fields: spec -->

- **\`source\`** (object): A place.
- **\`destination\`** (object): A place.
- **\`verify\`** (object): Checks.
- **\`verify.level\`** (\`None\` or \`Source\`; default \`Source\`): How well.
- **\`limit\`** (quantity): How fast.
- **\`threads\`** (integer from 1 to 256): How many.
- **\`suspend\`** (boolean; default \`false\`): Whether.
- **\`labels\`** (object of strings): Labels.
- **\`roots\`** (list of 1 to 64): Roots.
- **\`roots[].alias\`** (string; required): A word.

<!-- end of fields -->
More.
<!-- fields: spec.source spec.destination -->

- **\`root\`** (string; required): A root.
- **\`path\`** (string; default empty): A path.

<!-- end of fields -->
`,
  );
});

test('a list of objects stands for its items', () => {
  assert.equal(
    withFieldLists('<!-- fields: status -->\nold\n<!-- end of fields -->', schema),
    `<!-- fields: status -->

- **\`errors\`** (list of at most 10): Failures.
- **\`errors[].count\`** (integer): How many.
- **\`errors[].at\`** (time): When.

<!-- end of fields -->`,
  );
});

test('a page that is fresh stays as it is', () => {
  const page = withFieldLists('<!-- fields: spec -->\n<!-- end of fields -->', schema);
  assert.equal(withFieldLists(page, schema), page);
});

test('a marker of a field that does not exist is an error', () => {
  assert.throws(() => withFieldLists('<!-- fields: spec.sauce -->\n<!-- end of fields -->', schema), /list for spec\.sauce/);
});
