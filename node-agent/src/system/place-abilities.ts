import { randomBytes } from 'node:crypto';
import { closeSync, constants, copyFileSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { answersXattr } from '@smartcopy/native';

/** What a file system can do for a copy, tried and not guessed. `NotTried`: nothing may be written there. */
export interface PlaceAbilities {
  readonly isWritable: boolean;
  readonly reflink: Ability;
  /** A file can be opened past the page cache. */
  readonly directIo: Ability;
  readonly xattrs: Ability;
  readonly posixAcls: Ability;
}

export type Ability = 'Yes' | 'No' | 'NotTried';

/**
 * Tries what a directory's file system can do: in a folder of its own, which is removed again.
 * @throws NodeJS.ErrnoException when what was made cannot be removed
 */
export function probeAbilities(path: Uint8Array): PlaceAbilities {
  const attributes = {
    xattrs: ability(() => answersXattr(path, 'user.smartcopy')),
    posixAcls: ability(() => answersXattr(path, 'system.posix_acl_access')),
  };
  const folder = makeFolder(Buffer.from(path));
  if (folder === undefined) return { isWritable: false, reflink: 'NotTried', directIo: 'NotTried', ...attributes };
  try {
    const [first, second] = ['first', 'second'].map((name) => Buffer.concat([folder, Buffer.from(`/${name}`)]));
    if (first === undefined || second === undefined) throw new RangeError('two names are tried');
    writeFileSync(first, Buffer.alloc(65_536, 1));
    return {
      isWritable: true,
      reflink: ability(() => {
        copyFileSync(first, second, constants.COPYFILE_FICLONE_FORCE);
        return true;
      }),
      directIo: ability(() => {
        closeSync(openSync(first, constants.O_RDWR | constants.O_DIRECT));
        return true;
      }),
      ...attributes,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whatever the file system says instead of doing it means that it cannot. */
function ability(attempt: () => boolean): Ability {
  try {
    return attempt() ? 'Yes' : 'No';
  } catch (error) {
    if (error instanceof Error && ('code' in error || 'errno' in error)) return 'No';
    throw error;
  }
}

function makeFolder(path: Buffer): Buffer | undefined {
  try {
    if (!statSync(path).isDirectory()) return undefined;
    const folder = Buffer.concat([path, Buffer.from(`/.smartcopy-probe-${randomBytes(6).toString('hex')}`)]);
    mkdirSync(folder, 0o700);
    return folder;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
