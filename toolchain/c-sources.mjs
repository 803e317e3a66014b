import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { cached, isNotFound } from './cache.mjs';
import { SetUpError, step } from './report.mjs';
import { hasApt, runApt } from './system-packages.mjs';
import { runTool } from './tools.mjs';

/**
 * C sources of others that the engine is built with. They come from the distribution's packages and never enter the repository.
 * @typedef {object} CSource
 * @property {string} what
 * @property {string} debianPackage
 * @property {string} place where the package puts them, for a person
 * @property {(root: string) => Promise<string | undefined>} find the folder for the compiler, below a root
 */

/** BLAKE3's official C and assembly; Debian ships them inside the Rust crate of the same name. @type {CSource} */
const blake3 = {
  what: 'the C sources of BLAKE3',
  debianPackage: 'librust-blake3-dev',
  place: '/usr/share/cargo/registry/blake3-<version>/c',
  async find(root) {
    const registry = join(root, 'usr/share/cargo/registry');
    const versions = (await namesIn(registry)).filter((name) => /^blake3-\d/.test(name));
    const byVersion = new Intl.Collator('en', { numeric: true });
    const folders = versions.sort((a, b) => byVersion.compare(b, a)).map((name) => join(registry, name, 'c'));
    return folders.find((folder) => existsSync(join(folder, 'blake3.c')));
  },
};

/** XXH3 is compiled into the engine from its header, so that its AVX2 code can be chosen at run time. @type {CSource} */
const xxhash = {
  what: 'the header of xxHash',
  debianPackage: 'libxxhash-dev',
  place: '/usr/include/xxhash.h',
  async find(root) {
    const folder = join(root, 'usr/include');
    return existsSync(join(folder, 'xxhash.h')) ? folder : undefined;
  },
};

/**
 * Finds both on the host, or unpacks the packages into the cache: that needs neither root nor what the packages depend on,
 * and apt verifies what it fetched.
 */
export async function bringCSources() {
  return { blake3: await bring(blake3), xxhash: await bring(xxhash) };
}

/** @param {CSource} source */
async function bring({ what, debianPackage, place, find }) {
  const installed = await find('/');
  if (installed !== undefined) return installed;
  if (!hasApt()) throw new SetUpError(`building the engine needs ${what} in ${place}: install the package that brings them`);
  const root = await cached({ kind: 'sources', name: `${debianPackage}-${await distribution()}` }, (folder) =>
    step(`fetching ${what} from the package ${debianPackage}`, () => unpack(debianPackage, folder)),
  );
  const unpacked = await find(root);
  if (unpacked === undefined) throw new SetUpError(`the package ${debianPackage} of this distribution does not hold ${what}`);
  return unpacked;
}

/**
 * @param {string} debianPackage
 * @param {string} folder
 */
async function unpack(debianPackage, folder) {
  await runApt(['download', debianPackage], { folder, failure: `the package ${debianPackage} could not be fetched` });
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.deb'))) {
    await runTool(['dpkg', '-x', name, '.'], { log: 'dpkg', folder, failure: `${name} could not be unpacked` });
    await rm(join(folder, name));
  }
}

/** Such as `debian-12-x64`: another release has another version of the package. */
async function distribution() {
  const text = await readFile('/etc/os-release', 'utf8');
  const value = (/** @type {string} */ name) => new RegExp(`^${name}="?([\\w.-]*)`, 'm').exec(text)?.[1] ?? 'rolling';
  return `${value('ID')}-${value('VERSION_ID')}-${process.arch}`;
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
