import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { normalize } from 'node:path';
import { SmartcopyError } from '../errors.ts';
import type { HostFiles } from './host-files.ts';
import { mountIdIn, readMounts } from './mounts.ts';
import { type NodeOfStorage, nodeOfMount } from './numa.ts';
import { describeStorage, type StorageFacts } from './storage.ts';
import type { StorageProfile } from './storage-profile.ts';

/** What a directory of this host stands on. */
export interface DirectoryFacts {
  /** Absent where /proc is not mounted. */
  readonly storage?: Pick<StorageFacts, 'fileSystem' | 'kind' | 'reflink'>;
  readonly isReadOnly: boolean;
  /** How it likes to be copied, and which memory node it is near; absent where /proc is not mounted. */
  readonly near?: { readonly profile: StorageProfile; readonly node: NodeOfStorage };
}

/** The code of the error for a directory that is reached over a symbolic link: whoever may write the link says where it leads. */
export const linkOnTheWay = 'SC_LINK_ON_THE_WAY';

/** Opens anything without reading it; a directory's own permissions do not matter. */
const O_PATH = 0o10000000;

/**
 * Looks at a directory with one call that may wait for its file system: a network file system whose server is gone lets such a call hang
 * for ever, and the thread with it.
 * @param path absolute
 * @throws NodeJS.ErrnoException when it is no directory or cannot be reached; SmartcopyError of the code `linkOnTheWay`
 */
export function lookAtDirectory(path: string, host: HostFiles): DirectoryFacts {
  const fd = openSync(path, O_PATH | constants.O_DIRECTORY);
  try {
    // The kernel's own answer to where it is, without asking the file system again.
    const real = readlinkSync(`/proc/self/fd/${fd}`);
    if (real !== withoutSlash(normalize(path))) throw new SmartcopyError(linkOnTheWay, `${path} leads to ${real}`);
    const mountId = mountIdIn(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
    const mount = readMounts(host).find(({ id }) => id === mountId);
    if (mount === undefined) return { isReadOnly: false };
    const { fileSystem, kind, reflink, profile } = describeStorage(host, mount);
    return {
      storage: { fileSystem, kind, reflink },
      isReadOnly: mount.options.includes('ro'),
      near: { profile, node: nodeOfMount(host, mount) },
    };
  } finally {
    closeSync(fd);
  }
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
