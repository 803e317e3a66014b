import { execute } from './programs.ts';

/**
 * Removes a folder with all it holds. `rm` and not node:fs: it also removes trees whose paths are longer than any path may be.
 * Copies of directories that their owner may not write come off when he may: that is tried second, for it touches every entry.
 */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await execute('rm', ['-rf', '--', folder]);
  } catch {
    await execute('chmod', ['-R', 'u+rwX', '--', folder]);
    await execute('rm', ['-rf', '--', folder]);
  }
}
