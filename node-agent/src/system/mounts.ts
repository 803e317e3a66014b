import { closeSync, openSync, readFileSync } from 'node:fs';
import type { HostFiles } from './host-files.ts';

/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly id: number;
  readonly device: { readonly major: number; readonly minor: number };
  /** The directory of the file system that is mounted: `/`, or a part of it (bind mounts, containers). */
  readonly rootInFileSystem: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  /** What was mounted, such as `/dev/sda1` or `server:/export`. */
  readonly source: string;
  /** Options of this mount and of the file system, without repetitions. */
  readonly options: readonly string[];
}

/** Everything mounted in this process's mount namespace, in the kernel's order. */
export function readMounts(host: HostFiles): readonly Mount[] {
  return parseMounts(host.text('/proc/self/mountinfo') ?? '');
}

/** @param mountinfo what that file says. Lines that are none of it are passed over */
export function parseMounts(mountinfo: string): readonly Mount[] {
  const lines = mountinfo.split('\n');
  return lines.map(parseMount).filter((mount) => mount !== undefined);
}

/**
 * The mount a path is on. The kernel's own answer, from an open descriptor: comparing path prefixes goes wrong as soon
 * as something was mounted over a parent. `undefined` where /proc is not mounted.
 * @throws NodeJS.ErrnoException when the path cannot be opened
 */
export function mountIdOf(path: Uint8Array): number | undefined {
  const O_PATH = 0o10000000; // Opens anything without reading it: no permission on the file is needed, a FIFO does not wait.
  const fd = openSync(Buffer.from(path), O_PATH);
  try {
    return mountIdIn(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  } finally {
    closeSync(fd);
  }
}

/** The mount of an open descriptor. @param fdinfo what /proc/self/fdinfo says about it */
export function mountIdIn(fdinfo: string): number | undefined {
  const [, id] = /^mnt_id:\s*(\d+)$/m.exec(fdinfo) ?? [];
  return id === undefined ? undefined : Number(id);
}

// Format: proc_pid_mountinfo(5). The optional fields end at a lone hyphen.
function parseMount(line: string): Mount | undefined {
  const [left, right] = line.split(' - ');
  const [id, , device, root, mountPoint, mountOptions] = left?.split(' ') ?? [];
  const [fileSystem, source, superOptions] = right?.split(' ') ?? [];
  const [, major, minor] = /^(\d{1,10}):(\d{1,10})$/.exec(device ?? '') ?? [];
  if (id === undefined || !/^\d{1,10}$/.test(id) || major === undefined || minor === undefined) return undefined;
  if (root === undefined || mountPoint === undefined || fileSystem === undefined || source === undefined) return undefined;
  return {
    id: Number(id),
    device: { major: Number(major), minor: Number(minor) },
    rootInFileSystem: decodeOctal(root),
    mountPoint: decodeOctal(mountPoint),
    fileSystem,
    source: decodeOctal(source),
    options: [...new Set([...(mountOptions?.split(',') ?? []), ...(superOptions?.split(',') ?? [])])],
  };
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function decodeOctal(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
