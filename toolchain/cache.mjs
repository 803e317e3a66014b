import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';

/**
 * The folder shared by all clones of one user: `npm`, `node`, `sources`, `builds`, `logs`, `tmp`.
 * Everything in `node`, `sources` and `builds` is named after what it was made from and never changes, so an old entry does
 * no harm, and it is complete: it was made in `tmp` and then renamed.
 */
export const cacheFolder = requiredEnvironment('SMARTCOPY_CACHE');
const temporaryFolder = join(cacheFolder, 'tmp');

const dayMs = 24 * 60 * 60 * 1000;
const unusedDays = 30;

/**
 * The entry `<kind>/<name>`, made by `make` in an empty folder when it is not there yet.
 * @param {{ kind: 'node' | 'sources' | 'builds', name: string }} entry
 * @param {(folder: string) => Promise<void>} make fills the folder; when it throws, nothing is kept
 * @returns {Promise<string>} the entry's folder
 */
export async function cached({ kind, name }, make) {
  const entry = join(cacheFolder, kind, name);
  if (await touch(entry)) return entry;
  await mkdir(join(cacheFolder, kind), { recursive: true });
  await withTemporaryFolder(async (folder) => {
    const content = join(folder, name);
    await mkdir(content);
    await make(content);
    await rename(content, entry);
  });
  return entry;
}

/**
 * @param {(folder: string) => Promise<void>} work
 */
async function withTemporaryFolder(work) {
  await mkdir(temporaryFolder, { recursive: true });
  const folder = await mkdtemp(join(temporaryFolder, 'make-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Marks an entry as used now.
 * @param {string} entry
 * @returns {Promise<boolean>} false when there is no such entry
 */
async function touch(entry) {
  try {
    const now = new Date();
    await utimes(entry, now, now);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/**
 * Removes entries that no set-up has used for 30 days, and what killed set-ups left half made. Call it with the lock held.
 * npm's own cache is left to npm: it holds each package once, whatever the number of clones.
 */
export async function removeUnused() {
  await rm(temporaryFolder, { recursive: true, force: true });
  for (const kind of ['node', 'sources', 'builds']) {
    for (const name of await namesIn(join(cacheFolder, kind))) {
      const entry = join(cacheFolder, kind, name);
      if (Date.now() - (await lastUseMs(entry)) > unusedDays * dayMs) await rm(entry, { recursive: true, force: true });
    }
  }
}

/**
 * A start that finds everything ready marks nothing, but it reads the Node binary: its access time tells, where the file
 * system keeps one (relatime does, to the day).
 * @param {string} entry
 */
async function lastUseMs(entry) {
  const times = [await stat(entry)];
  try {
    times.push(await stat(join(entry, 'bin', 'node')));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return Math.max(...times.map(({ atimeMs, mtimeMs }) => Math.max(atimeMs, mtimeMs)));
}

/**
 * A digest of texts, for a cache entry's name. The order counts, the borders between texts count.
 * @param {readonly string[]} texts
 */
export function keyOf(texts) {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 32);
}

/**
 * The files below some folders and files, with a digest of each: names relative to `base`, sorted. Names that start with a
 * dot are left out, as in set-up.sh.
 * @param {string} base
 * @param {readonly string[]} paths relative to base
 * @returns {Promise<ReadonlyMap<string, string>>}
 */
export async function fileDigests(base, paths) {
  /** @type {Map<string, string>} */
  const digests = new Map();
  for (const path of paths) {
    for (const file of (await filesBelow(join(base, path))).sort()) {
      digests.set(
        relative(base, file),
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      );
    }
  }
  return digests;
}

/**
 * @param {string} path a file or a folder
 * @returns {Promise<string[]>}
 */
async function filesBelow(path) {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}

/** @param {string} folder */
async function namesIn(folder) {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** @param {unknown} error */
export function isNotFound(error) {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** @param {string} name */
function requiredEnvironment(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: start the set-up through ./smartcopy or toolchain/run`);
  return value;
}
