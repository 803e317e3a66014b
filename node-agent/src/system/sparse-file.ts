import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { readSparseFacts, type SparseFacts } from '@smartcopy/native';

export type { SparseFacts } from '@smartcopy/native';

/**
 * What a file occupies and where its holes are; `undefined` when it is no regular file, which alone has holes.
 * @throws what the system says when it cannot be opened or asked
 */
export function lookAtHoles(path: Buffer): SparseFacts | undefined {
  // A FIFO would let the opening wait for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return fstatSync(fd).isFile() ? readSparseFacts(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}
