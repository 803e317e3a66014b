import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.JSONSchema;
type Default = string | number | boolean;

/** The part of OpenAPI v3 that a CustomResourceDefinition may hold and our kinds need. Members that are undefined are not written. */
export interface StructuralSchema {
  description?: string | undefined;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | undefined;
  format?: string | undefined;
  nullable?: true | undefined;
  default?: Default | undefined;
  enum?: string[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  pattern?: string | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
  maxProperties?: number | undefined;
  required?: string[] | undefined;
  properties?: Record<string, StructuralSchema> | undefined;
  additionalProperties?: StructuralSchema | undefined;
  items?: StructuralSchema | undefined;
  'x-kubernetes-int-or-string'?: true | undefined;
  'x-kubernetes-list-type'?: string | undefined;
  'x-kubernetes-list-map-keys'?: string[] | undefined;
  'x-kubernetes-validations'?: CelRule[] | undefined;
}

interface CelRule {
  rule: string;
  message: string;
  fieldPath?: string | undefined;
}

/** What the schemas put into their metadata for Kubernetes. */
const extensions = z.object({
  'x-kubernetes-int-or-string': z.literal(true).optional(),
  'x-kubernetes-list-type': z.enum(['atomic', 'map']).optional(),
  'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
  'x-kubernetes-validations': z.array(z.object({ rule: z.string(), message: z.string(), fieldPath: z.string().optional() })).optional(),
});

/** Everything that `structural` knows how to carry over or leave out; any other keyword is an error here, not a surprise in a cluster. */
const keywords = new Set([
  ...[
    'description',
    'type',
    'format',
    'default',
    'enum',
    'minimum',
    'maximum',
    'minLength',
    'maxLength',
    'pattern',
    'minItems',
    'maxItems',
  ],
  ...['maxProperties', 'required', 'properties', 'items', 'anyOf', 'additionalProperties', 'propertyNames'],
  ...Object.keys(extensions.shape),
]);

/**
 * The schema in the form that a CustomResourceDefinition accepts: what a user may write, with defaults, bounds, texts and CEL rules.
 * @throws Error naming the field when the schema says something that has no such form
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return structural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' }), []);
}

function structural(node: JsonSchema, path: readonly string[]): StructuralSchema {
  for (const keyword of Object.keys(node)) {
    if (!keywords.has(keyword)) throw new Error(`${at(path)}: a CustomResourceDefinition cannot carry the keyword ${keyword} from here`);
  }
  const kubernetes = extensions.parse(node);
  // The order here is the order in the file.
  return {
    description: node.description,
    ...(kubernetes['x-kubernetes-int-or-string'] ? intOrString(node, path) : typed(node, path)),
    default: defaultOf(node, path),
    required: node.required,
    properties: propertiesOf(node, path),
    additionalProperties: freeKeysOf(node, path),
    items: itemsOf(node, path),
    ...kubernetes,
  };
}

/** A type with its bounds. */
function typed(node: JsonSchema, path: readonly string[]): StructuralSchema {
  if (node.anyOf !== undefined) throw new Error(`${at(path)}: unions are not structural; use optional members and a rule`);
  const type = z.enum(['object', 'array', 'string', 'integer', 'boolean']).safeParse(node.type);
  if (!type.success) throw new Error(`${at(path)}: the type ${node.type} is not structural`);
  return {
    type: type.data,
    format: node.format,
    enum: z.array(z.string()).optional().parse(node.enum),
    // zod bounds every integer to what a number holds exactly, which is no rule of ours.
    minimum: node.minimum === Number.MIN_SAFE_INTEGER ? undefined : node.minimum,
    maximum: node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum,
    minLength: node.minLength,
    maxLength: node.maxLength,
    // For times the API server's own check of the format takes the place of zod's expression.
    pattern: node.format === 'date-time' ? undefined : re2(node.pattern, path),
    minItems: node.minItems,
    maxItems: node.maxItems,
    maxProperties: node.maxProperties,
  };
}

/** An integer or a string without a type, as Kubernetes wants it; the bounds of the string stay. */
function intOrString(node: JsonSchema, path: readonly string[]): StructuralSchema {
  const [integer, string, ...others] = node.anyOf ?? [];
  if (integer?.type !== 'integer' || string?.type !== 'string' || others.length > 0) {
    throw new Error(`${at(path)}: x-kubernetes-int-or-string belongs to a union of an integer and a string`);
  }
  return { maxLength: string.maxLength };
}

function propertiesOf(node: JsonSchema, path: readonly string[]): Record<string, StructuralSchema> | undefined {
  if (node.properties === undefined) return undefined;
  return Object.fromEntries(Object.entries(node.properties).map(([name, member]) => [name, structural(whole(member), [...path, name])]));
}

/** The schema of the values of an object whose keys are the user's own words. Structural schemas cannot bound the keys. */
function freeKeysOf(node: JsonSchema, path: readonly string[]): StructuralSchema | undefined {
  if (typeof node.additionalProperties !== 'object') return undefined;
  // Where null is not allowed, the API server drops the key that has it, and nobody is told. So it is kept, for a rule to refuse.
  return { ...structural(node.additionalProperties, [...path, '*']), nullable: true };
}

function itemsOf(node: JsonSchema, path: readonly string[]): StructuralSchema | undefined {
  if (node.items === undefined) return undefined;
  if (Array.isArray(node.items)) throw new Error(`${at(path)}: tuples are not structural`);
  return structural(whole(node.items), [...path, '[]']);
}

function defaultOf(node: JsonSchema, path: readonly string[]): Default | undefined {
  const value: unknown = node.default;
  if (value === undefined || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new Error(`${at(path)}: only scalars have defaults here; give the members of an object theirs`);
}

/** The API server compiles patterns with RE2, which knows neither look-around nor back references. */
function re2(pattern: string | undefined, path: readonly string[]): string | undefined {
  if (pattern !== undefined && /\(\?[=!<]|\\[1-9]/.test(pattern)) throw new Error(`${at(path)}: the pattern ${pattern} is not RE2`);
  return pattern;
}

/** JSON Schema allows `true` for anything, which no field of ours is. */
function whole(member: JsonSchema | boolean): JsonSchema {
  if (typeof member === 'boolean') throw new Error('a field without a type is not structural');
  return member;
}

function at(path: readonly string[]): string {
  return path.length === 0 ? 'the object' : path.join('.');
}
