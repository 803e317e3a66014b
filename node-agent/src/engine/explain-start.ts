import type { FailureReason } from '@smartcopy/native';
import { escapePath } from './escape-path.ts';
import { describeReason } from './failure-sentences.ts';
import type { Cause } from './transfer-status.ts';

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
  // Verify level Media, where files are kept in memory alone.
  EOPNOTSUPP: 'MediaNotOffered',
};

type Deed = 'copied' | 'compared';

/**
 * Why the engine did not start a transfer; `undefined` for an error that is not its own word.
 * Errors are told apart by their code, so that whoever explains one need not load the engine.
 * @param showPath how the reader knows a path of this host
 * @param deed what was not done
 */
export function explainStart(error: Error, showPath: (path: Uint8Array) => string = escapePath, deed: Deed = 'copied'): Cause | undefined {
  switch ('code' in error ? error.code : undefined) {
    case 'SC_SAME_FILE':
      return { reason: 'SameFile', message: `refused: ${error.message}` };
    case 'SC_DESTINATION_INSIDE_SOURCE':
      return { reason: 'DestinationInsideSource', message: `refused: ${error.message}` };
    case 'SC_NATIVE_IO':
      return explainSystemError(error, showPath, deed);
    case 'SC_NATIVE_DIGEST':
      return { reason: 'DigestNotOffered', message: `nothing was ${deed}: ${error.message}` };
    default:
      return undefined;
  }
}

/** The engine's own error has the system call and the error in its message, and beside it, as bytes, the path. */
function explainSystemError(error: Error, showPath: (path: Uint8Array) => string, deed: Deed): Cause {
  const errno = 'errno' in error ? String(error.errno) : '';
  const path = 'path' in error && error.path instanceof Uint8Array && error.path.length > 0 ? `${showPath(error.path)}: ` : '';
  const reason = reasonsByErrno[errno];
  const detail = reason === undefined ? error.message : `${describeReason(reason)} (${error.message})`;
  const advice = errno === 'ENOSYS' ? '; the engine needs openat2, which Linux has since 5.6' : '';
  return { reason: reason ?? 'NotStarted', message: `nothing was ${deed}: ${path}${detail}${advice}` };
}
