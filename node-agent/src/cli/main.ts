import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { readArguments, settleVerify } from './arguments.ts';
import { defineAnalyze, defineCopy, defineRun, parseCommandLine } from './command-line.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { Screen } from './screen.ts';

// The modules that take time to load (zod, yaml, the addon) come with the command that needs them: --help and --version need none.

async function main(given: readonly string[]): Promise<ExitStatus> {
  try {
    return await dispatch(given);
  } catch (error) {
    return await answerError(error, given.includes('--json'));
  }
}

async function dispatch(given: readonly string[]): Promise<ExitStatus> {
  const [command, ...rest] = given;
  switch (command) {
    case 'run': {
      const line = parseCommandLine(defineRun(), rest);
      return line.kind === 'Answered' ? exitStatus.done : (await import('./run.ts')).run(line.options, line.operands);
    }
    case 'analyze': {
      const line = parseCommandLine(defineAnalyze(), rest);
      return line.kind === 'Answered' ? exitStatus.done : (await import('./analyze.ts')).analyze(line.options, line.operands);
    }
    case 'help':
      return await dispatch([...rest.slice(0, 1), '--help']);
    case undefined:
      throw new InputError('what to copy, and to where? smartcopy SRC DST; see smartcopy --help');
    default: {
      const line = parseCommandLine(defineCopy(readVersion()), settleVerify(given));
      return line.kind === 'Answered' ? exitStatus.done : (await import('./copy.ts')).copy(line.options, line.operands);
    }
  }
}

/** Also a run that never started ends with a sentence and, if that was asked for, with its one document. */
async function answerError(error: unknown, json: boolean): Promise<ExitStatus> {
  const [{ explainError }, { statusOfNotStarted }] = await Promise.all([
    import('./explain-error.ts'),
    import('../engine/transfer-status.ts'),
  ]);
  const { reason, sentence, status, details } = explainError(error);
  const screen = new Screen(process.stderr);
  screen.line(sentence);
  if (details !== undefined) screen.write(`${details}\n`);
  if (json) process.stdout.write(`${JSON.stringify(statusOfNotStarted({ reason, message: sentence }, Date.now()))}\n`);
  return status;
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(version);
}

// exit() and not exitCode: after a second Ctrl-C the engine may still be ending. Output to files, pipes and terminals is written by then.
process.exit(await main(readArguments()));
