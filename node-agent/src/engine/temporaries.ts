import { createHash } from 'node:crypto';

/**
 * Whose temporary files a transfer leaves if it is killed: the same work gets the same number again, and so finds and removes them.
 * @param identity what makes two runs the same work, such as the two ends' paths
 * @param startedAtMs milliseconds since 1970; seconds of it (32 bits, until 2106) tell an older run's files from this one's
 */
export function nameTemporaries(identity: readonly Uint8Array[], startedAtMs: number): { readonly job: number; readonly epoch: number } {
  const hash = createHash('sha256');
  for (const part of identity) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length); // So that no two identities share their bytes.
    hash.update(length).update(part);
  }
  return { job: hash.digest().readUInt32BE(0), epoch: Math.floor(startedAtMs / 1000) >>> 0 };
}
