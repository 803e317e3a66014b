import { binding } from './binding.ts';
import { NativeError } from './errors.ts';

/**
 * Takes the exclusive lock (flock) of an open file or directory, without waiting. It is held until the descriptor is closed, also by
 * the death of the process, whatever mount or network namespace others look from.
 * @returns false when somebody else holds it
 * @throws NativeError when the file system has no locks
 */
export function tryLock(fd: number): boolean {
  const errno = binding.lockFile(fd);
  if (errno === undefined) return true;
  if (errno === 'EAGAIN' || errno === 'EWOULDBLOCK') return false;
  throw new NativeError('SC_NATIVE_LOCK', `flock: ${errno}`);
}
