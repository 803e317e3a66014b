import { readFileSync } from 'node:fs';
import { execute } from './programs.ts';

/**
 * Removes a folder with all it holds. `rm` and not node:fs: it also removes trees whose paths are longer than any path may be.
 * Copies of directories that their owner may not write come off when he may: that is tried second, for it touches every entry.
 * @throws Error when something is mounted below it, which is somebody's own data: then nothing is removed
 */
export async function removeFolder(folder: string): Promise<void> {
  const mounted = mountsBelow(folder);
  if (mounted.length > 0) {
    throw new Error(`${folder} was left as it is: something is mounted at ${mounted.join(', ')}; unmount it, then remove the folder`);
  }
  try {
    await execute('rm', ['-rf', '--one-file-system', '--', folder]);
  } catch {
    await execute('chmod', ['-R', 'u+rwX', '--', folder]);
    await execute('rm', ['-rf', '--one-file-system', '--', folder]);
  }
}

/** By the kernel's own list: a bind mount of the same file system looks like any directory to `rm`. */
function mountsBelow(folder: string): readonly string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? []);
  // The kernel writes space, tab, newline and backslash as three octal digits.
  const decoded = points.map((point) =>
    point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
  return decoded.filter((point) => point === folder || point.startsWith(`${folder}/`));
}
