import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { customResourceDefinition } from '../../src/generation/custom-resource-definition.ts';
import { type KindDefinition, nodeAgentKind, transferJobKind, transferPolicyKind, transferShardKind } from '../../src/index.ts';
import type { AcceptedObject, RefusedObject, Transition } from '../kinds/cases.ts';
import { acceptedNodeAgents, refusedNodeAgents } from '../kinds/node-agent-cases.ts';
import { acceptedJobs, jobTransitions, refusedJobs } from '../kinds/transfer-job-cases.ts';
import { acceptedPolicies, refusedPolicies } from '../kinds/transfer-policy-cases.ts';
import { acceptedShards, refusedShards, shardTransitions } from '../kinds/transfer-shard-cases.ts';

/** A node of the schema as it stands in the file. */
type Node = z.infer<typeof node>;
const node = z.strictObject({
  description: z.string().min(1).optional(),
  type: z.enum(['object', 'array', 'string', 'integer', 'boolean']).optional(),
  format: z.enum(['int32', 'int64', 'date-time']).optional(),
  nullable: z.literal(true).optional(),
  default: z.union([z.string(), z.boolean()]).optional(),
  enum: z.array(z.string()).min(1).optional(),
  minimum: z.int().optional(),
  maximum: z.int().optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  pattern: z.string().optional(),
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  maxProperties: z.int().optional(),
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
  get additionalProperties() {
    return node.optional();
  },
  get items() {
    return node.optional();
  },
});

const definition = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    scope: z.string(),
    names: z.object({ categories: z.array(z.string()) }),
    versions: z.tuple([
      z.object({
        name: z.string(),
        additionalPrinterColumns: z.array(z.object({ name: z.string(), jsonPath: z.string(), priority: z.int().optional() })),
        schema: z.object({ openAPIV3Schema: node }),
      }),
    ]),
  }),
});

interface Kind {
  readonly definition: KindDefinition;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly accepted: readonly AcceptedObject[];
  readonly refused: readonly RefusedObject[];
  readonly transitions: readonly Transition[];
  readonly columns: readonly string[];
}

const kinds: readonly Kind[] = [
  {
    definition: transferJobKind,
    scope: 'Namespaced',
    accepted: acceptedJobs,
    refused: refusedJobs,
    transitions: jobTransitions,
    columns: ['Phase', 'Progress', 'Rate', 'ETA', 'Age', 'Done (wide)', 'Total (wide)', 'Failed (wide)', 'Nodes (wide)', 'Reason (wide)'],
  },
  {
    definition: transferPolicyKind,
    scope: 'Cluster',
    accepted: acceptedPolicies,
    refused: refusedPolicies,
    transitions: [],
    columns: ['Ready', 'Reason', 'Namespaces', 'Roots', 'Age'],
  },
  {
    definition: transferShardKind,
    scope: 'Namespaced',
    accepted: acceptedShards,
    refused: refusedShards,
    transitions: shardTransitions,
    columns: ['Namespace', 'Job', 'Node', 'State', 'Reason', 'Age'],
  },
  {
    definition: nodeAgentKind,
    scope: 'Cluster',
    accepted: acceptedNodeAgents,
    refused: refusedNodeAgents,
    transitions: [],
    columns: ['Ready', 'Reason', 'Version', 'Roots', 'Kernel (wide)', 'IO_uring (wide)', 'CPUs (wide)', 'Age'],
  },
];

for (const kind of kinds) suite(kind.definition.kind, () => testKind(kind));

function testKind({ definition: { plural, declaredIn, spec }, scope, accepted, refused, transitions, columns }: Kind): void {
  const read = async () => {
    const text = await readFile(new URL(`../../manifests/smartcopy.io_${plural}.yaml`, import.meta.url), 'utf8');
    const crd = definition.parse(parse(text));
    const [version] = crd.spec.versions;
    return { text, crd, version, root: version.schema.openAPIV3Schema };
  };

  test('the definition is of this kind and says where it comes from', async () => {
    const { text, crd, version } = await read();
    assert.equal(crd.metadata.name, `${plural}.smartcopy.io`);
    assert.equal(version.name, 'v1alpha1');
    assert.equal(crd.spec.scope, scope);
    assert.deepEqual(crd.spec.names.categories, ['smartcopy']);
    assert.ok(text.startsWith(`# Generated from ${declaredIn} by \`npm run generate\`. Do not edit`));
  });

  test('YAML 1.1, which Kubernetes reads, and 1.2 say the same', async () => {
    const { text } = await read();
    assert.deepEqual(parse(text, { version: '1.1' }), parse(text, { version: '1.2' }));
  });

  test('spec is required where the kind has one', async () => {
    const { root } = await read();
    assert.deepEqual(root.required, spec === undefined ? undefined : ['spec']);
    assert.equal(root.properties?.spec === undefined, spec === undefined);
  });

  test('the columns show what the schema has, one value each', async () => {
    const { version, root } = await read();
    assert.deepEqual(
      version.additionalPrinterColumns.map(({ name, priority }) => (priority === undefined ? name : `${name} (wide)`)),
      columns,
    );
    const known = new Set(walk(root).map(({ path }) => `.${path}`));
    for (const { jsonPath } of version.additionalPrinterColumns) {
      assert.doesNotMatch(jsonPath, /\*/, 'of several values only the first is shown');
      if (jsonPath !== '.metadata.creationTimestamp') assert.ok(known.has(jsonPath.replace(/\[\?.*\]/, '[]')), jsonPath);
    }
  });

  test('every field has one type, and bounds that keep objects small', async () => {
    for (const { path, schema } of walk((await read()).root)) checkBounds(path, schema);
  });

  test('every field has a description, as a sentence', async () => {
    for (const { path, schema } of walk((await read()).root)) {
      // Kubernetes describes metadata; an item of a list or an object is described by that.
      if (path === 'metadata' || path.endsWith('[]') || path.endsWith('.*')) continue;
      assert.match(schema.description ?? '', /^[A-Za-z].*\.$/s, path);
    }
  });

  test('required fields, keys of lists and defaults are there and of the right type', async () => {
    for (const { path, schema } of walk((await read()).root)) {
      for (const name of schema.required ?? []) assert.ok(schema.properties?.[name], `${path}.${name}`);
      for (const key of schema['x-kubernetes-list-map-keys'] ?? [])
        assert.ok(schema.items?.required?.includes(key), `${path} has no ${key}`);
      if (schema.default === undefined) continue;
      assert.equal(schema.type, typeof schema.default, path);
      if (schema.enum)
        assert.ok(
          schema.enum.some((word) => word === schema.default),
          path,
        );
    }
  });

  test('every CEL rule has an object that it refuses and one that it accepts', async () => {
    const { root } = await read();
    const rules = walk(root).flatMap(({ path, schema }) =>
      (schema['x-kubernetes-validations'] ?? []).map(({ message, fieldPath = '' }) => ({ path, field: `${path}${fieldPath}`, message })),
    );
    // Those of the whole object are about its change.
    for (const { field } of rules.filter(({ path }) => path === '')) {
      const name = field.slice(1);
      assert.ok(
        transitions.some((transition) => transition.refused.includes(name)),
        `no refused change of ${name}`,
      );
      assert.ok(transitions.some((transition) => transition.refused.length === 0));
    }
    for (const { path, field, message } of rules.filter((rule) => rule.path !== '')) {
      assert.ok(
        refused.some((one) => one.by === 'rule' && withoutIndexes(one.field) === field && one.message === message),
        `no refused object for ${field}: ${message}`,
      );
      assert.ok(
        accepted.some(({ document }) => hasValue(document, path)),
        `no accepted object has ${path}`,
      );
    }
  });
}

test('a kind without a spec requires none, and rules about changes stand at the root with the field they name', () => {
  const [version] = customResourceDefinition({
    ...nodeAgentKind,
    transitionRules: [{ cel: 'self == oldSelf', message: 'must stay', fieldPath: '.status.pod' }],
  }).spec.versions;
  const schema = version?.schema.openAPIV3Schema;
  assert.equal(schema?.required, undefined);
  assert.deepEqual(Object.keys(schema?.properties ?? {}), ['apiVersion', 'kind', 'metadata', 'status']);
  assert.deepEqual(schema?.['x-kubernetes-validations'], [{ rule: 'self == oldSelf', message: 'must stay', fieldPath: '.status.pod' }]);
});

function checkBounds(path: string, schema: Node): void {
  if (schema['x-kubernetes-int-or-string']) {
    assert.equal(schema.type, undefined, path);
    assert.ok(schema.maxLength, path);
    return;
  }
  assert.ok(schema.type, `${path} has no type`);
  if (schema.type === 'array') assert.ok(schema.maxItems && schema['x-kubernetes-list-type'] && schema.items, `${path} has no bound`);
  if (schema.type === 'integer') assert.ok(schema.format && schema.minimum !== undefined, `${path} has no format or bound`);
  if (schema.type === 'object' && path !== 'metadata') {
    const isBoundMap = schema.additionalProperties !== undefined && schema.maxProperties !== undefined;
    assert.ok(schema.properties || isBoundMap, `${path} has no properties or bound`);
  }
  // The API server bounds these two itself.
  if (schema.type === 'string' && !['apiVersion', 'kind'].includes(path)) {
    assert.ok(schema.maxLength || schema.enum || schema.format === 'date-time', `${path} has no bound`);
  }
}

/** Every node of a schema with its path; the items of a list are `[]`, the values of an object with any keys `*`. */
function walk(schema: Node, path = ''): { path: string; schema: Node }[] {
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => walk(member, path === '' ? name : `${path}.${name}`));
  const items = schema.items === undefined ? [] : walk(schema.items, `${path}[]`);
  const values = schema.additionalProperties === undefined ? [] : walk(schema.additionalProperties, `${path}.*`);
  return [{ path, schema }, ...members, ...items, ...values];
}

function withoutIndexes(field: string): string {
  return field.replaceAll(/\[\d+\]/g, '[]');
}

/** Whether a document has a value at the path of a node, in any item of the lists on the way. */
function hasValue(document: unknown, path: string): boolean {
  const object = z.record(z.string(), z.unknown());
  const values = path
    .replaceAll('[]', '.[]')
    .split('.')
    .reduce<readonly unknown[]>(
      (found, name) =>
        found.flatMap((value) => (name === '[]' ? z.array(z.unknown()).catch([]).parse(value) : [object.safeParse(value).data?.[name]])),
      [document],
    );
  return values.some((value) => value !== undefined);
}
