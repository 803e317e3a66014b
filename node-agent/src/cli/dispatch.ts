import { readFileSync } from 'node:fs';
import type { Cause } from '../engine/transfer-status.ts';
import { InputError } from '../errors.ts';
import { deliverAnswer } from './answer.ts';
import { readArguments, settleOptionalValues } from './arguments.ts';
import {
  type CommandLine,
  defineAcl,
  defineAnalyze,
  defineBenchmark,
  defineCopy,
  defineRun,
  defineVerify,
  parseCommandLine,
} from './command-line.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import type { Interruption } from './interruption.ts';
import type { Screen } from './screen.ts';

/** What every command is given by the process it runs in. */
export interface CommandContext {
  readonly screen: Screen;
  readonly interruption: Interruption;
}

type Given = Extract<CommandLine, { kind: 'Given' }>;

// The modules that take time to load (zod, yaml, the addon) come with the command that needs them: --help and --version need none.

/** Runs the command that this process was started for. Whatever ends it, there is an exit status and, with `--json`, a document. */
export async function dispatch(context: CommandContext): Promise<ExitStatus> {
  const given = readArguments();
  try {
    return await runCommand(given, context);
  } catch (error) {
    return await answerError(error, given, context);
  }
}

async function runCommand(given: readonly string[], context: CommandContext): Promise<ExitStatus> {
  const [command, ...rest] = given;
  switch (command) {
    case 'run':
      return await answer(parseCommandLine(defineRun(), rest), context, async ({ options, operands }) =>
        (await import('./run.ts')).run(options, operands, context),
      );
    case 'analyze':
      return await answer(parseCommandLine(defineAnalyze(), rest), context, async ({ options, operands }) =>
        (await import('./analyze.ts')).analyze(options, operands, context),
      );
    case 'verify':
      return await answer(parseCommandLine(defineVerify(), rest), context, async ({ options, operands }) =>
        (await import('./verify.ts')).verify(options, operands, context),
      );
    case 'acl':
      return await answer(parseCommandLine(defineAcl(), rest), context, async ({ options, operands }) =>
        (await import('./acl.ts')).acl(options, operands, context),
      );
    case 'benchmark':
      return await answer(parseCommandLine(defineBenchmark(), rest), context, async ({ options, operands }) =>
        (await import('./benchmark.ts')).benchmark(options, operands, context),
      );
    case 'help':
      return await runCommand(commandForHelp(rest), context);
    case undefined:
      throw new InputError('what to copy, and to where? smartcopy SRC DST; see smartcopy --help');
    default:
      return await answer(
        parseCommandLine(defineCopy(readVersion()), settleOptionalValues(given)),
        context,
        async ({ options, operands }) => (await import('./copy.ts')).copy(options, operands, context),
      );
  }
}

async function answer(line: CommandLine, { screen }: CommandContext, act: (line: Given) => Promise<ExitStatus>): Promise<ExitStatus> {
  return line.kind === 'Given' ? await act(line) : deliverAnswer(line.text, exitStatus.done, screen);
}

const helpTopics: readonly string[] = ['run', 'verify', 'analyze', 'acl', 'benchmark'];

/** `help`, and `help run` for every command; whoever meant a file of that name is told how to write it. */
function commandForHelp([topic, ...more]: readonly string[]): readonly string[] {
  if (topic === undefined) return ['--help'];
  if (more.length === 0 && helpTopics.includes(topic)) return [topic, '--help'];
  throw new InputError(`help stands alone, or before a command (${helpTopics.join(', ')}); a SRC of that name is written ./help`);
}

/** Also a run that never started ends with a sentence and, if that was asked for, with its one document. */
async function answerError(error: unknown, given: readonly string[], { screen, interruption }: CommandContext): Promise<ExitStatus> {
  const { explainError, interruptedEarly } = await import('./explain-error.ts');
  const { reason, sentence, status, details } = interruption.end.aborted ? interruptedEarly : explainError(error);
  screen.line(sentence);
  if (details !== undefined) screen.write(`${details}\n`);
  if (!given.includes('--json')) return status;
  return deliverAnswer(`${JSON.stringify(await documentOf(given[0], { reason, message: sentence }))}\n`, status, screen);
}

/** What a command prints that did nothing: as far as it can be, what it would have printed. */
async function documentOf(command: string | undefined, cause: Cause): Promise<object> {
  switch (command) {
    case 'verify':
      return { equal: false, ...cause };
    case 'analyze':
    case 'acl':
    case 'benchmark':
      return cause;
    default:
      return (await import('../engine/transfer-status.ts')).statusOfNotStarted(cause, Date.now());
  }
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(version);
}
