import type { Attribute, NotKept } from '@smartcopy/native';
import { escapePath, shortenPath } from './escape-path.ts';

/** What copies are without, of one kind: how many, and the first of them as a status shows it. */
export interface Loss {
  readonly what: Attribute;
  readonly errno?: string;
  readonly count: number;
  /** Below the destination, escaped, at most 256 characters. */
  readonly path: string;
}

/** As many as a status holds. */
export const maxLossCount = 10;
const maxPathLength = 256;

export function describeLoss({ what, errno, count, path }: NotKept): Loss {
  return {
    what,
    ...(errno === undefined ? {} : { errno }),
    count,
    path: shortenPath(escapePath(path), maxPathLength),
  };
}

/** What a copy is without, as words of a sentence that begins with `without`. */
export const lossNames: Readonly<Record<Exclude<Attribute, 'specialFile'>, string>> = {
  owner: 'owner or group',
  mode: 'mode',
  setuid: 'setuid or setgid bits',
  xattr: 'extended attributes',
  capability: 'file capabilities',
  acl: 'ACL',
  time: 'modification time',
};

/** Why, as part of a sentence. Pure. */
export function causeOfLoss({ what, errno }: Pick<Loss, 'what' | 'errno'>): string {
  switch (errno) {
    case undefined:
      if (what === 'time') return 'the file system at the destination keeps no such times, or coarser ones';
      if (what === 'mode') return 'the file system at the destination has no place for such modes';
      return 'the TransferPolicy of the destination does not keep them';
    case 'EPERM':
    case 'EACCES':
      return privilegeFor[what] ?? `permission denied (${errno})`;
    case 'EOPNOTSUPP':
    case 'ENOSYS':
      return `the file system at the destination has no such thing (${errno})`;
    case 'ENOSPC':
    case 'E2BIG':
      return `the file system has no room for them beside the others of the file (${errno})`;
    default:
      return `the system refused (${errno})`;
  }
}

const privilegeFor: Readonly<Partial<Record<Attribute, string>>> = {
  owner: 'giving files away needs privilege (CAP_CHOWN)',
  setuid: 'they would lend the rights of another owner',
  capability: 'they belong to the owner of the source, or setting them needs privilege (CAP_SETFCAP)',
  specialFile: 'making devices needs privilege (CAP_MKNOD)',
};
