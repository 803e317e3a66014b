import { readFileSync } from 'node:fs';
import { type Mount, mountIdOf, parseMounts } from './mounts.ts';

/**
 * The names below a directory by which mounts show a file or directory whose own name may lead elsewhere: through a bind mount of a
 * part of that directory, or a second mount of what is mounted in it. Both are real paths. Mounts do not tell everything (two exports of
 * an NFS server look like one), so whoever asks looks whether it is the same file. None where /proc does not tell.
 */
export function namesBelow(directory: Buffer, path: Buffer): readonly Buffer[] {
  try {
    const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1')); // A character for each byte, whatever names are.
    const id = mountIdOf(path);
    const mount = mounts.find((candidate) => candidate.id === id);
    if (mount === undefined) return [];
    return namesThrough(mounts, mount, path.toString('latin1'))
      .filter((name) => restBelow(name, directory.toString('latin1')) !== undefined)
      .map((name) => Buffer.from(name, 'latin1'));
  } catch {
    return [];
  }
}

/** Every name that the mounts give to a path on one of them, that path among them. Pure. */
export function namesThrough(mounts: readonly Mount[], mount: Mount, path: string): readonly string[] {
  const rest = restBelow(path, mount.mountPoint);
  if (rest === undefined) return [];
  const inFileSystem = append(mount.rootInFileSystem, rest);
  return mounts.filter(isOfDevice(mount)).flatMap(({ rootInFileSystem, mountPoint }) => {
    const shown = restBelow(inFileSystem, rootInFileSystem);
    return shown === undefined ? [] : [append(mountPoint, shown)];
  });
}

function isOfDevice({ device: { major, minor } }: Mount): (mount: Mount) => boolean {
  return ({ device }) => device.major === major && device.minor === minor;
}

/** What of a path comes after a directory, from its slash on: nothing for the directory itself, undefined for what is elsewhere. */
function restBelow(path: string, directory: string): string | undefined {
  if (path === directory) return '';
  if (directory === '/') return path;
  return path.startsWith(`${directory}/`) ? path.slice(directory.length) : undefined;
}

function append(directory: string, rest: string): string {
  return directory === '/' && rest !== '' ? rest : `${directory}${rest}`;
}
