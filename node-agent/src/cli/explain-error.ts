import { escapePath } from '../engine/escape-path.ts';
import type { FailureReason } from '../engine/run-transfer.ts';
import { describeReason } from './describe-failure.ts';
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
  const sentence = error.message;
  switch ('code' in error ? error.code : undefined) {
    case 'SC_INPUT':
      return { reason: 'InvalidInput', sentence, status: exitStatus.badInput };
    case 'SC_SAME_FILE':
      return { reason: 'SameFile', sentence: `refused: ${sentence}`, status: exitStatus.refused };
    case 'SC_DESTINATION_INSIDE_SOURCE':
      return { reason: 'DestinationInsideSource', sentence: `refused: ${sentence}`, status: exitStatus.refused };
    case 'SC_NATIVE_IO':
      return explainStartError(error);
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

const reasonsByErrno: Readonly<Record<string, FailureReason>> = {
  EACCES: 'PermissionDenied',
  EPERM: 'PermissionDenied',
  EROFS: 'ReadOnlyFileSystem',
  ENOSPC: 'NoSpace',
  EDQUOT: 'QuotaExceeded',
  EIO: 'IoError',
  EMFILE: 'TooManyOpenFiles',
  ENFILE: 'TooManyOpenFiles',
  ENOMEM: 'OutOfMemory',
  ENAMETOOLONG: 'NameTooLong',
  ELOOP: 'PathEscape',
};

/** The engine's own error has the system call and the error in its message, and beside it, as bytes, the path. */
function explainStartError(error: Error): Explanation {
  const errno = 'errno' in error ? String(error.errno) : '';
  const path = 'path' in error && error.path instanceof Uint8Array && error.path.length > 0 ? `${escapePath(error.path)}: ` : '';
  const reason = reasonsByErrno[errno];
  const detail = reason === undefined ? error.message : `${describeReason(reason)} (${error.message})`;
  const advice = errno === 'ENOSYS' ? '; copying needs openat2, which Linux has since 5.6' : '';
  return { reason: reason ?? 'NotStarted', sentence: `nothing was copied: ${path}${detail}${advice}`, status: exitStatus.failed };
}

function describeMissingPart(message: string): string {
  return `a part of the program is missing (${message.split('\n')[0]}); start it by its launcher ./smartcopy, which sets up what is missing`;
}
