import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { HeldDirectory } from './held-directory.ts';

export interface DeepTree {
  readonly levelCount: number;
  /** Of each folder on the way down. */
  readonly name: string | Buffer;
  /** In each folder there is one file with its level in it. */
  readonly fileName: string | Buffer;
}

/** Seconds since 1970. rsync takes times within one second for equal: what was made just now would not show what it keeps. */
const longAgo = 1_000_000_000.25;

/** Makes folders in each other, each with a file, however long their path becomes. All are old. */
export function plantDeepTree(top: string, { levelCount, name, fileName }: DeepTree): void {
  let folder = HeldDirectory.open(top);
  for (let level = 0; level < levelCount; level += 1) {
    mkdirSync(folder.pathOf(name));
    const below = folder.openDirectory(name);
    close(folder);
    folder = below;
    const file = folder.pathOf(fileName);
    writeFileSync(file, `level ${level}`);
    utimesSync(file, longAgo, longAgo);
  }
  close(folder);
}

function close(folder: HeldDirectory): void {
  utimesSync(folder.pathOf('.'), longAgo, longAgo);
  folder[Symbol.dispose]();
}
