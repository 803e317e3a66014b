import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { cached } from './cache.mjs';
import { SetUpError, step } from './report.mjs';
import { hasApt, runApt } from './system-packages.mjs';
import { runTool } from './tools.mjs';

/**
 * Unpacks a package of the distribution into the cache instead of installing it: that needs neither root nor what the package
 * depends on, and apt verifies what it fetched.
 * @param {object} wanted
 * @param {string} wanted.debianPackage
 * @param {string} wanted.what the part of it that is needed, as a person would call it
 * @param {string} wanted.otherwise one sentence for hosts without apt: what lacks this and what to do
 * @param {readonly string[]} [wanted.leaveOut] files of the package that are large and not needed
 * @returns {Promise<string>} the folder that is the root for the package's files
 */
export async function unpackedPackage({ debianPackage, what, otherwise, leaveOut = [] }) {
  return cached({ kind: 'sources', name: `${debianPackage}-${await distribution()}` }, async (folder) => {
    if (!hasApt()) throw new SetUpError(otherwise);
    await step(`fetching ${what} from the package ${debianPackage}`, () => unpack(debianPackage, folder));
    for (const path of leaveOut) await rm(join(folder, path), { recursive: true, force: true });
  });
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
