import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clone } from './throw-away-clone.ts';

/** A folder with links to these programs alone, to be all of PATH. */
export async function folderOfPrograms(clone: Clone, names: readonly string[]): Promise<string> {
  const base = join(clone.folder, '..', 'tools');
  await mkdir(base, { recursive: true });
  const folder = await mkdtemp(join(base, 'path-'));
  const places = (clone.environment.PATH ?? '').split(delimiter);
  for (const name of names) {
    const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
    assert.ok(found !== undefined, `${name} is on this host`);
    await symlink(found, join(folder, name));
  }
  return folder;
}

/** What the set-up and its scripts start, with the build tools: enough to set up a clone whose npm packages are cached. */
export const programsOfTheSetUp = ['sh', 'find', 'sort', 'xargs', 'sha256sum', 'stat', 'date', 'touch', 'mkdir', 'flock', 'node', 'npm'];
