import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { HeldDirectory } from './held-directory.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A file by its content, a folder by what is in it, or a link. */
type TreeNode = string | Uint8Array | SymbolicLink | HardLink | TreeDescription;

/** What a folder holds: by names, or in a Map by names of any bytes. */
export type TreeDescription = ReadonlyMap<Buffer, TreeNode> | { readonly [name: string]: TreeNode };

class SymbolicLink {
  readonly target: string | Buffer;
  constructor(target: string | Buffer) {
    this.target = target;
  }
}

class HardLink {
  readonly first: string;
  constructor(first: string) {
    this.first = first;
  }
}

export function symbolicLink(target: string | Buffer): SymbolicLink {
  return new SymbolicLink(target);
}

/** One more name for the file at `first`, a path from the tree's top that was described before. */
export function hardLink(first: string): HardLink {
  return new HardLink(first);
}

/** A new temporary folder with that tree in it. */
export async function tree(t: TestContext, description: TreeDescription): Promise<string> {
  const folder = await temporaryFolder(t);
  plantTree(folder, description);
  return folder;
}

/** Puts a tree into a folder, which is made if it is missing; files that exist are overwritten. */
export function plantTree(folder: string, description: TreeDescription): void {
  mkdirSync(folder, { recursive: true });
  using top = HeldDirectory.open(folder);
  plantEntries(top, description, folder);
}

function plantEntries(directory: HeldDirectory, description: TreeDescription, top: string): void {
  const entries: Iterable<readonly [string | Buffer, TreeNode]> = description instanceof Map ? description : Object.entries(description);
  for (const [name, node] of entries) plantEntry(directory, name, { node, top });
}

function plantEntry(
  directory: HeldDirectory,
  name: string | Buffer,
  { node, top }: { readonly node: TreeNode; readonly top: string },
): void {
  const path = directory.pathOf(name);
  if (typeof node === 'string' || node instanceof Uint8Array) writeFileSync(path, node);
  else if (node instanceof SymbolicLink) symlinkSync(node.target, path);
  else if (node instanceof HardLink) linkSync(join(top, node.first), path);
  else {
    mkdirSync(path, { recursive: true });
    using below = directory.openDirectory(name);
    plantEntries(below, node, top);
  }
}
