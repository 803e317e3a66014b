import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of content in all files below a folder, finished or not; 0 when it is missing. What goes meanwhile counts as nothing. */
export function bytesIn(folder: string): number {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
    return entries.reduce(
      (sum, entry) => sum + (entry.isFile() ? (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0),
      0,
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}
