import { mkdirSync, writeFileSync } from 'node:fs';
import { HeldDirectory } from './held-directory.ts';

export interface DeepTree {
  readonly levelCount: number;
  /** Of each folder on the way down. */
  readonly name: string | Buffer;
  /** In each folder there is one file with its level in it. */
  readonly fileName: string | Buffer;
}

/** Makes folders in each other, each with a file, however long their path becomes. */
export function plantDeepTree(top: string, { levelCount, name, fileName }: DeepTree): void {
  let folder = HeldDirectory.open(top);
  for (let level = 0; level < levelCount; level += 1) {
    mkdirSync(folder.pathOf(name));
    const below = folder.openDirectory(name);
    folder[Symbol.dispose]();
    folder = below;
    writeFileSync(folder.pathOf(fileName), `level ${level}`);
  }
  folder[Symbol.dispose]();
}
