import { readdirSync } from 'node:fs';

/** The temporary names of the engine in a tree of ordinary names. */
export function temporariesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /(^|\/)\.smartcopy-[^/]*$/.test(path));
}
