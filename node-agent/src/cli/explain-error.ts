import { explainStart } from '../engine/explain-start.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';

/** Why nothing was done, or nothing more: a word for scripts, a sentence for people, and what the shell is told. */
export interface Explanation {
  readonly reason: string;
  readonly sentence: string;
  readonly status: ExitStatus;
  /** Lines for whoever will mend the program: only where the mistake is our own. */
  readonly details?: string;
}

/** For what a signal ended before it began. */
export const interruptedEarly: Explanation = {
  reason: 'Interrupted',
  sentence: 'interrupted before it started',
  status: exitStatus.interrupted,
};

/** Turns whatever ended a command into an answer. */
export function explainError(error: unknown): Explanation {
  if (!(error instanceof Error)) return { reason: 'InternalError', sentence: `unexpected: ${String(error)}`, status: exitStatus.failed };
  const start = explainStart(error);
  if (start !== undefined) return { reason: start.reason, sentence: start.message, status: statusOfStart(error) };
  const sentence = error.message;
  switch ('code' in error ? error.code : undefined) {
    case 'SC_INPUT':
      return { reason: 'InvalidInput', sentence, status: exitStatus.badInput };
    case 'MODULE_NOT_FOUND':
    case 'ERR_MODULE_NOT_FOUND':
    case 'ERR_DLOPEN_FAILED':
      return { reason: 'NotSetUp', sentence: describeMissingPart(sentence), status: exitStatus.failed };
    default:
      // Node's own words name the call, the error and the path.
      if ('syscall' in error) return { reason: 'SystemError', sentence, status: exitStatus.failed };
      return {
        reason: 'InternalError',
        sentence: `a mistake in smartcopy itself: ${sentence}`,
        status: exitStatus.failed,
        details: error.stack ?? '',
      };
  }
}

function statusOfStart(error: Error): ExitStatus {
  const isRefusal = 'code' in error && (error.code === 'SC_SAME_FILE' || error.code === 'SC_DESTINATION_INSIDE_SOURCE');
  return isRefusal ? exitStatus.refused : exitStatus.failed;
}

function describeMissingPart(message: string): string {
  return `a part of the program is missing (${message.split('\n')[0]}); start it by its launcher ./smartcopy, which sets up what is missing`;
}
