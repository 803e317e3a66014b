import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { HostFiles } from './host-files.ts';
import { type Mount, mountIdIn } from './mounts.ts';
import { describeStorage, type StorageFacts } from './storage.ts';

/** What a directory of this host stands on. */
export interface DirectoryFacts {
  /** Absent where /proc is not mounted. */
  readonly storage?: Pick<StorageFacts, 'fileSystem' | 'kind' | 'reflink'>;
  readonly isReadOnly: boolean;
}

/** Opens anything without reading it; a directory's own permissions do not matter. */
const O_PATH = 0o10000000;

/**
 * Looks at a directory with one call that may wait for its file system, off the main thread: a network file system whose server is gone
 * lets such a call hang for ever.
 * @param mounts as they are now
 * @throws NodeJS.ErrnoException when it is no directory or cannot be reached
 */
export async function lookAtDirectory(path: string, host: HostFiles, mounts: readonly Mount[]): Promise<DirectoryFacts> {
  const handle = await open(path, O_PATH | constants.O_DIRECTORY);
  try {
    const mountId = mountIdIn(readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8'));
    const mount = mounts.find(({ id }) => id === mountId);
    if (mount === undefined) return { isReadOnly: false };
    return { storage: describeStorage(host, mount), isReadOnly: mount.options.includes('ro') };
  } finally {
    await handle.close();
  }
}
