import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { assignment, maxAgentRoots } from '@smartcopy/crds';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { ConfiguredRoot } from '../assignments/root-table.ts';
import { SmartcopyError } from '../errors.ts';

/** What the agent is told when it starts. */
export interface Configuration {
  /** `https://host:port` */
  readonly operator: URL;
  readonly stateFolder: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly host: string;
  /** 0 takes any that is free. */
  readonly metricsPort: number;
  readonly logLevel: (typeof logLevels)[number];
  readonly roots: readonly ConfiguredRoot[];
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** Options and what each means, for `--help`. */
const options = {
  operator: {
    default: undefined,
    text: 'where the operator listens for agents, such as https://smartcopy-operator.smartcopy-system.svc:8443',
  },
  'token-file': { default: undefined, text: "file with the token of this agent's pod; read again for each request" },
  'ca-file': {
    default: undefined,
    text: "file with the authorities that the operator's certificate is trusted by; read again for each request",
  },
  'state-dir': { default: '/var/lib/smartcopy', text: 'directory of this node for what must outlive the agent; it is made' },
  config: { default: '/etc/smartcopy/agent.yaml', text: 'file with the roots that this node opens' },
  host: { default: '0.0.0.0', text: 'address that /metrics, /healthz and /readyz listen on' },
  'metrics-port': { default: '9091', text: 'port of /metrics, /healthz and /readyz; 0 takes any' },
  'log-level': { default: 'info', text: logLevels.join(', ') },
} as const;

type OptionName = keyof typeof options;

/** The command line or agent.yaml could not be understood; the message is what a person should read. */
export class ConfigurationError extends SmartcopyError {
  constructor(message: string, cause?: unknown) {
    super('SC_CONFIGURATION', message, { cause });
  }
}

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries(options).map(([name, { default: value, text }]) => {
    return `  --${name.padEnd(14)} ${text}${value === undefined ? '' : ` (${value})`}\n`;
  });
  const statuses = [
    '0 ended by a signal',
    '1 an error, which its log names',
    '2 wrong options or configuration',
    '3 a newer agent works on the node',
  ];
  return `use: node node-agent/src/agent.ts [options]\n\n${lines.join('')}\nexit status: ${statuses.join('; ')}\n`;
}

/**
 * Reads the command line and the file of roots that it names.
 * @param given without the program: `process.argv.slice(2)`
 * @returns `'help'` when that was asked for
 * @throws ConfigurationError naming what is wrong
 */
export function readConfiguration(given: readonly string[]): Configuration | 'help' {
  const values = parse(given);
  if (values.help === true) return 'help';
  const check = <T>(name: OptionName, schema: z.ZodType<T>): T => {
    const text = values[name] ?? options[name].default;
    if (text === undefined) throw new ConfigurationError(`--${name} is missing: ${options[name].text}`);
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    throw new ConfigurationError(`--${name} ${result.error.issues[0]?.message ?? 'is wrong'}, not '${text}'`);
  };
  return Object.freeze({
    operator: check('operator', operatorUrl),
    stateFolder: check('state-dir', word),
    tokenFile: check('token-file', word),
    caFile: check('ca-file', word),
    host: check('host', word),
    metricsPort: check('metrics-port', port),
    logLevel: check('log-level', z.enum(logLevels, { error: `takes ${logLevels.join(', ')}` })),
    roots: readRoots(check('config', word)),
  });
}

function parse(given: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  try {
    const known = Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' as const }]));
    return parseArgs({ args: [...given], options: { ...known, help: { type: 'boolean', short: 'h' } }, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigurationError(`${error instanceof Error ? error.message : String(error)}; --help lists the options`, error);
  }
}

const word = z.string().min(1, { error: 'takes a word' });

const port = z
  .string()
  .regex(/^\d{1,5}$/, { error: 'takes a port from 0 to 65535' })
  .transform(Number)
  .refine((number) => number <= 65_535, { error: 'takes a port from 0 to 65535' });

const operatorUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '') return url;
  context.addIssue({ code: 'custom', message: 'takes an address such as https://operator:8443' });
  return z.NEVER;
});

/** The words that policies and the exchange have for a root: what does not fit them could never be opened. */
const { alias, hostPath } = assignment.shape.spec.shape.source.shape;
const maxPathBytes = 4095;

const root = z.strictObject({
  alias,
  hostPath,
  path: z
    .string()
    .refine((path) => path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= maxPathBytes, {
      error: 'must be the absolute path at which this process sees the directory, such as /host/mnt/scratch',
    })
    .optional(),
});

/** `agent.yaml` */
const rootsFile = z.strictObject({
  roots: z
    .array(root.transform((given): ConfiguredRoot => ({ ...given, path: given.path ?? given.hostPath })))
    .max(maxAgentRoots)
    .check((context) => {
      const names = context.value.map((given) => JSON.stringify([given.alias, given.hostPath]));
      names.forEach((name, index) => {
        if (names.indexOf(name) === index) return;
        const message = 'must not repeat the alias and hostPath of a root before it';
        context.issues.push({ code: 'custom', message, path: [index], input: context.value[index] });
      });
    })
    .check((context) => {
      context.value.forEach((inner, index) => {
        const outer = context.value.find((other) => liesBelow(inner.path, other.path) || liesBelow(inner.hostPath, other.hostPath));
        if (outer === undefined) return;
        // Whoever may write in the outer one could put a link in the place of the inner one.
        const message = `must not lie inside another root, as it does in '${outer.alias}' (${outer.hostPath})`;
        context.issues.push({ code: 'custom', message, path: [index], input: inner });
      });
    }),
});

function liesBelow(path: string, other: string): boolean {
  const way = relative(other, path);
  return way !== '' && way.split('/')[0] !== '..';
}

function readRoots(file: string): readonly ConfiguredRoot[] {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) throw new ConfigurationError(`${file}:${lines.linePos(mistake.pos[0]).line}: ${mistake.message}`, mistake);
  const parsed = rootsFile.safeParse(toValue(document, file));
  if (parsed.success) return parsed.data.roots;
  const sentences = parsed.error.issues.map(({ path, message }) => `${z.core.toDotPath(path) || 'the file'}: ${message}`);
  throw new ConfigurationError(`${file}: ${sentences.join('; ')}`, parsed.error);
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that unfold without end, a merge of what is no map.
    throw new ConfigurationError(`${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
