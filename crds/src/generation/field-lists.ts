import type { StructuralSchema } from './structural-schema.ts';

const section = /(<!-- fields: ([\w. ]+) -->\n)[\s\S]*?(<!-- end of fields -->)/g;

/**
 * The page with the lists between its markers made new. `<!-- fields: spec -->` is followed by the list of the fields of `spec`;
 * several paths in one marker share the list of the first. A field that has a marker of its own is one line in the list above it.
 * @throws Error when a marker names a field that the kind does not have
 */
export function withFieldLists(page: string, schema: StructuralSchema): string {
  const paths = [...page.matchAll(section)].flatMap(([, , marked = '']) => marked.split(' '));
  return page.replace(section, (_whole, start: string, marked: string, end: string) => {
    const [path = ''] = marked.split(' ');
    const fields = fieldsBelow(member(schema, path), path, paths);
    return `${start}\n${fields.map(line).join('')}\n${end}`;
  });
}

const alternatives = new Intl.ListFormat('en', { type: 'disjunction' });

interface Field {
  readonly name: string;
  readonly field: StructuralSchema;
  readonly required: boolean;
}

/** Every field below one, depth first, with names relative to it; nothing below those of `listed`, which have a list of their own. */
function fieldsBelow(schema: StructuralSchema, path: string, listed: readonly string[]): Field[] {
  const required = (schema.items ?? schema).required ?? [];
  return Object.entries((schema.items ?? schema).properties ?? {}).flatMap(([name, field]) => {
    const own: Field = { name, field, required: required.includes(name) };
    const ownPath = `${path}.${name}`;
    if (listed.includes(ownPath)) return [own];
    const prefix = field.items === undefined ? name : `${name}[]`;
    return [own, ...fieldsBelow(field, ownPath, listed).map((below) => ({ ...below, name: `${prefix}.${below.name}` }))];
  });
}

function member(schema: StructuralSchema, path: string): StructuralSchema {
  return path.split('.').reduce((parent, name) => {
    const field = (parent.items ?? parent).properties?.[name];
    if (field === undefined) throw new Error(`the page has a list for ${path}, which the kind does not have; correct the marker`);
    return field;
  }, schema);
}

/** One line, however long: a table would be laid out anew by every change of one text. */
function line({ name, field, required }: Field): string {
  const facts = [typeOf(field), required ? 'required' : defaultOf(field)].filter((fact) => fact !== '');
  return `- **\`${name}\`** (${facts.join('; ')}): ${field.description ?? ''}\n`;
}

function typeOf(field: StructuralSchema): string {
  if (field['x-kubernetes-int-or-string']) return 'quantity';
  if (field.enum !== undefined) return alternatives.format(field.enum.map((word) => `\`${word}\``));
  if (field.format === 'date-time') return 'time';
  if (field.type === 'array') return `list of ${field.minItems === undefined ? 'at most' : `${field.minItems} to`} ${field.maxItems}`;
  if (field.additionalProperties !== undefined) return `object of ${field.additionalProperties.type}s`;
  if (field.type === 'integer' && field.maximum !== undefined) return `integer from ${field.minimum} to ${field.maximum}`;
  return field.type ?? '';
}

function defaultOf(field: StructuralSchema): string {
  if (field.default === undefined) return '';
  return field.default === '' ? 'default empty' : `default \`${field.default}\``;
}
