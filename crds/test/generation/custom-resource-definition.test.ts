import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { acceptedJobs, refusedJobs } from '../kinds/transfer-job-cases.ts';

/** A node of the schema as it stands in the file. */
type Node = z.infer<typeof node>;
const node = z.strictObject({
  description: z.string().min(1).optional(),
  type: z.enum(['object', 'array', 'string', 'integer', 'boolean']).optional(),
  format: z.enum(['int32', 'int64', 'date-time']).optional(),
  default: z.string().optional(),
  enum: z.array(z.string()).min(2).optional(),
  minimum: z.int().optional(),
  maximum: z.int().optional(),
  maxLength: z.int().optional(),
  pattern: z.string().optional(),
  maxItems: z.int().optional(),
  required: z.array(z.string()).optional(),
  'x-kubernetes-int-or-string': z.literal(true).optional(),
  'x-kubernetes-list-type': z.enum(['atomic', 'map']).optional(),
  'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
  'x-kubernetes-validations': z
    .array(
      z.strictObject({
        rule: z.string(),
        message: z
          .string()
          .max(2048)
          .regex(/^[^\n]+$/),
        fieldPath: z.string().optional(),
      }),
    )
    .optional(),
  get properties() {
    return z.record(z.string(), node).optional();
  },
  get items() {
    return node.optional();
  },
});

const definition = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    versions: z.tuple([z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: node }) })]),
  }),
});

const text = await readFile(new URL('../../manifests/smartcopy.io_transferjobs.yaml', import.meta.url), 'utf8');
const crd = definition.parse(parse(text));
const [version] = crd.spec.versions;
const root = version.schema.openAPIV3Schema;

test('the definition is of this kind and says where it comes from', () => {
  assert.equal(crd.metadata.name, 'transferjobs.smartcopy.io');
  assert.equal(version.name, 'v1alpha1');
  assert.match(text, /^# Generated from crds\/src\/kinds\/transfer-job\.ts by `npm run generate`\. Do not edit/);
});

test('YAML 1.1, which Kubernetes reads, and 1.2 say the same', () => {
  assert.deepEqual(parse(text, { version: '1.1' }), parse(text, { version: '1.2' }));
});

test('the columns show what the status has', () => {
  const { versions } = z.object({ spec: z.object({ versions: z.array(z.unknown()) }) }).parse(parse(text)).spec;
  const columns = z
    .object({ additionalPrinterColumns: z.array(z.object({ name: z.string(), jsonPath: z.string(), priority: z.int().optional() })) })
    .parse(versions[0]).additionalPrinterColumns;
  assert.deepEqual(
    columns.map(({ name, priority }) => (priority === undefined ? name : `${name} (wide)`)),
    ['Phase', 'Progress', 'Rate', 'ETA', 'Age', 'Done (wide)', 'Total (wide)', 'Failed (wide)', 'Reason (wide)'],
  );
  const known = new Set(walk(root).map(({ path }) => `.${path}`));
  for (const { jsonPath } of columns) {
    if (jsonPath !== '.metadata.creationTimestamp') assert.ok(known.has(jsonPath.replace(/\[\?.*\]/, '[]')), jsonPath);
  }
});

test('every field has one type, and bounds that keep objects small', () => {
  for (const { path, schema } of walk(root)) {
    if (schema['x-kubernetes-int-or-string']) {
      assert.equal(schema.type, undefined, path);
      assert.ok(schema.maxLength, path);
      continue;
    }
    assert.ok(schema.type, `${path} has no type`);
    if (schema.type === 'array') assert.ok(schema.maxItems && schema['x-kubernetes-list-type'] && schema.items, `${path} has no bound`);
    if (schema.type === 'integer') assert.ok(schema.format && schema.minimum !== undefined, `${path} has no format or bound`);
    if (schema.type === 'object') assert.ok(schema.properties || path === 'metadata', `${path} has no properties`);
    // The API server bounds these two itself.
    if (schema.type === 'string' && !['apiVersion', 'kind'].includes(path)) {
      assert.ok(schema.maxLength || schema.enum || schema.format === 'date-time', `${path} has no bound`);
    }
  }
});

test('every field has a description, as a sentence', () => {
  for (const { path, schema } of walk(root)) {
    // Kubernetes describes metadata; an item of a list is described by the list.
    if (path === 'metadata' || path.endsWith('[]')) continue;
    assert.match(schema.description ?? '', /^[A-Z].*\.$/s, path);
  }
});

test('required fields, keys of lists and defaults are there and of the right type', () => {
  for (const { path, schema } of walk(root)) {
    for (const name of schema.required ?? []) assert.ok(schema.properties?.[name], `${path}.${name}`);
    for (const key of schema['x-kubernetes-list-map-keys'] ?? []) assert.ok(schema.items?.required?.includes(key), `${path} has no ${key}`);
    if (schema.default === undefined) continue;
    assert.equal(schema.type, 'string', path);
    if (schema.enum) assert.ok(schema.enum.includes(schema.default), path);
  }
});

test('every CEL rule has an object that it refuses and one that it accepts', () => {
  const rules = walk(root).flatMap(({ path, schema }) =>
    (schema['x-kubernetes-validations'] ?? []).map(({ message, fieldPath = '' }) => ({ path, field: `${path}${fieldPath}`, message })),
  );
  assert.ok(rules.length > 0);
  for (const { path, field, message } of rules) {
    assert.ok(
      refusedJobs.some((job) => job.by === 'rule' && job.field === field && job.message === message),
      `no refused object for ${field}: ${message}`,
    );
    assert.ok(
      acceptedJobs.some(({ document }) => valueAt(document, path) !== undefined),
      `no accepted object has ${path}`,
    );
  }
});

/** Every node of a schema with its path; the items of a list are `[]`. */
function walk(schema: Node, path = ''): { path: string; schema: Node }[] {
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => walk(member, path === '' ? name : `${path}.${name}`));
  const items = schema.items === undefined ? [] : walk(schema.items, `${path}[]`);
  return [{ path, schema }, ...members, ...items];
}

function valueAt(document: unknown, path: string): unknown {
  const object = z.record(z.string(), z.unknown());
  return path.split('.').reduce((value, name) => object.safeParse(value).data?.[name], document);
}
