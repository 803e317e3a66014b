import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { OperatorError } from './errors.ts';

/** What the operator is told when it starts. Durations are milliseconds. */
export interface Configuration {
  /** Where its own objects live: shards, its secret, its agents' pods. */
  readonly namespace: string;
  /** Absent: the credentials of the pod. */
  readonly kubeconfig?: string | undefined;
  readonly host: string;
  /** Ports; 0 takes any that is free. */
  readonly agentPort: number;
  readonly apiPort: number;
  readonly metricsPort: number;
  /** How long an agent may work on a shard without an answer of the operator. */
  readonly nodeLeaseMs: number;
  /** What is waited for after a lease, for clocks that run differently and for threads at the end of a chunk. */
  readonly leaseMarginMs: number;
  readonly agentServiceAccount: string;
  /** Label selector of the agents' pods. */
  readonly agentSelector: string;
  readonly logLevel: (typeof logLevels)[number];
  /** Who writes the events. */
  readonly instance: string;
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** Options and what each means, for `--help`. */
const options = {
  namespace: { default: 'smartcopy-system', text: 'namespace of its own objects' },
  kubeconfig: { default: undefined, text: "file with the API server's address and credentials; without it, those of the pod" },
  host: { default: '0.0.0.0', text: 'address that its servers listen on' },
  'agent-port': { default: '8443', text: 'port for agents, TLS' },
  'api-port': { default: '8444', text: 'port of the HTTP API, TLS' },
  'metrics-port': { default: '9090', text: 'port of /metrics, /healthz and /readyz, without TLS' },
  'node-lease': { default: '1h', text: 'how long an agent may work without hearing from the operator' },
  'lease-margin': { default: '15s', text: 'how much longer the operator waits before it counts such an agent as stopped' },
  'agent-service-account': { default: 'smartcopy-agent', text: "account of the agents' pods" },
  'agent-selector': { default: 'app.kubernetes.io/component=agent', text: "label selector of the agents' pods" },
  'log-level': { default: 'info', text: logLevels.join(', ') },
} as const;

type OptionName = keyof typeof options;

/** The command line could not be understood; the message is what a person should read. */
export class ConfigurationError extends OperatorError {
  constructor(message: string, cause?: unknown) {
    super('SC_CONFIGURATION', message, { cause });
  }
}

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries(options).map(([name, { default: value, text }]) => {
    return `  --${name.padEnd(22)} ${text}${value === undefined ? '' : ` (${value})`}\n`;
  });
  return `use: node operator/src/main.ts [options]\n\n${lines.join('')}`;
}

/**
 * Reads the command line.
 * @param given without the program: `process.argv.slice(2)`
 * @returns `'help'` when that was asked for
 * @throws ConfigurationError naming the first option that is wrong
 */
export function readConfiguration(given: readonly string[]): Configuration | 'help' {
  const values = parse(given);
  if (values.help === true) return 'help';
  const text = (name: OptionName): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : options[name].default;
  };
  const check = <T>(name: OptionName, schema: z.ZodType<T>): T => {
    const result = schema.safeParse(text(name));
    if (result.success) return result.data;
    throw new ConfigurationError(`--${name} ${result.error.issues[0]?.message ?? 'is wrong'}, not '${text(name)}'`);
  };
  return Object.freeze({
    namespace: check('namespace', word),
    kubeconfig: check('kubeconfig', z.string().optional()),
    host: check('host', word),
    agentPort: check('agent-port', port),
    apiPort: check('api-port', port),
    metricsPort: check('metrics-port', port),
    nodeLeaseMs: check('node-lease', duration),
    leaseMarginMs: check('lease-margin', duration),
    agentServiceAccount: check('agent-service-account', word),
    agentSelector: check('agent-selector', word),
    logLevel: check('log-level', z.enum(logLevels, { error: `takes ${logLevels.join(', ')}` })),
    instance: hostname(),
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

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** A day: whatever is longer is a mistake in the unit. */
const maxDurationMs = 24 * 3_600_000;

/** One number and one unit of Go's durations. */
const duration = z.string().transform((text, context) => {
  const [, number = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] ?? 0);
  if (ms > 0 && ms <= maxDurationMs) return ms;
  context.addIssue({ code: 'custom', message: 'takes a duration from 1ms to 24h such as 90s, 15m or 1h' });
  return z.NEVER;
});
