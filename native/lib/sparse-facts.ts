import { binding } from './binding.ts';
import { NativeError } from './errors.ts';

/** What a file occupies, and how its content is divided into data and holes. */
export interface SparseFacts {
  readonly sizeBytes: number;
  /** What it takes on its file system, metadata included. */
  readonly allocatedBytes: number;
  readonly holeBytes: number;
  /** Runs of data between holes. */
  readonly extentCount: number;
  readonly holeCount: number;
}

/**
 * Asks the file system for the hole map of an open file; one without such maps has data everywhere.
 * @throws NativeError when it cannot be asked
 */
export function readSparseFacts(fd: number): SparseFacts {
  const facts = binding.sparseFacts(fd);
  if (typeof facts === 'string') throw new NativeError('SC_NATIVE_SPARSE', `lseek: ${facts}`);
  return facts;
}
