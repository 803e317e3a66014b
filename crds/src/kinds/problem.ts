import type { z } from 'zod';

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

const nouns: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
};

const alternatives = new Intl.ListFormat('en', { type: 'disjunction' });

/** zod's complaints as sentences with the field's path in front, one for each unknown field too. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [`${fieldPath(issue.path)}: ${issue.message}`];
    return issue.keys.map((key) => `${fieldPath([...issue.path, key])}: ${issue.message}`);
  });
}

/** What is wrong and what to do, read after the field's path. For `safeParse(…, { error: sentence })`; a schema's own message goes first. */
export function sentence(issue: RawIssue): string | undefined {
  if (issue.input === undefined) return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nouns[issue.expected] ?? issue.expected}, not ${describe(issue.input)}`;
    case 'invalid_value':
      return `must be ${alternatives.format(issue.values.map(String))}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case 'invalid_format':
      return `must be ${issue.format === 'datetime' ? 'a time such as 2026-01-31T09:30:00Z' : `of the form ${issue.format}`}`;
    case 'unrecognized_keys':
      return 'this version of SmartCopy has no such field; check its spelling or remove it';
    default:
      return undefined;
  }
}

function unitOf(origin: string, amount: number | bigint): string {
  if (origin === 'string') return amount === 1 ? ' character long' : ' characters long';
  if (origin === 'array') return amount === 1 ? ' entry long' : ' entries long';
  return '';
}

function describe(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : `${input}`;
  return nouns[typeof input] ?? typeof input;
}

/** `errors[0].path`; the document itself has no path. A key that is no plain word is quoted, so that it cannot disturb a terminal. */
function fieldPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'document';
  return path
    .map((key) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = String(key);
      return /^[\w-]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    })
    .join('')
    .replace(/^[.]/, '');
}
