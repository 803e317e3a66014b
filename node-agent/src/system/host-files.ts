import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

// What a kernel does not have, or a container hides, is a fact like any other: those answers become "unknown".
const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EINVAL', 'ENODEV', 'ENXIO']);

/**
 * The small files of /proc and /sys, read below a directory of choice so that other machines can be described in tests.
 * Every reader of this folder takes one; the real host is `new HostFiles('/')`.
 */
export class HostFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The file's text without its last newline; `undefined` where the kernel has no such file or does not show it. */
  text(path: string): string | undefined {
    return unlessAbsent(() => readFileSync(join(this.root, path), 'utf8').replace(/\n$/, ''));
  }

  /** The file's whole number; `undefined` also where it holds a word such as `max`. */
  integer(path: string): number | undefined {
    const text = this.text(path)?.trim();
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
  }

  /** The names in a directory, sorted; empty where there is none. */
  names(path: string): readonly string[] {
    return unlessAbsent(() => readdirSync(join(this.root, path)).sort()) ?? [];
  }

  /** Where a path leads when its links are followed, again as a path below the root. */
  resolve(path: string): string | undefined {
    const real = unlessAbsent(() => realpathSync(join(this.root, path)));
    const root = realpathSync(this.root);
    if (real === undefined || root === '/') return real;
    return real.startsWith(`${root}/`) ? real.slice(root.length) : undefined;
  }
}

function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && absentCodes.has(error.code)) return undefined;
    throw error;
  }
}
