import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound } from './cache.mjs';
import { unpackedPackage } from './debian-package.mjs';
import { SetUpError } from './report.mjs';

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

/** Finds both on the host, or in packages of the distribution. */
export async function bringCSources() {
  return { blake3: await bring(blake3), xxhash: await bring(xxhash) };
}

/** @param {CSource} source */
async function bring({ what, debianPackage, place, find }) {
  const installed = await find('/');
  if (installed !== undefined) return installed;
  const otherwise = `building the engine needs ${what} in ${place}: install the package that brings them`;
  const unpacked = await find(await unpackedPackage({ debianPackage, what, otherwise }));
  if (unpacked === undefined) throw new SetUpError(`the package ${debianPackage} of this distribution does not hold ${what}`);
  return unpacked;
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
