import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { unpackedPackage } from './debian-package.mjs';
import { bringKubernetes } from './kubernetes.mjs';
import { SetUpError, say } from './report.mjs';
import { findProgram } from './tools.mjs';

/**
 * The programs that tests start and find in node_modules/.smartcopy-programs: a folder for each kind, with links to the programs
 * or, where they cannot be had, a file `lacking` that says why. test/support/brought-programs.ts reads it.
 * @typedef {object} Kind
 * @property {string} name of the folder
 * @property {(repository: string) => Promise<readonly string[]>} bring
 */

/** @type {Kind} */
export const kubernetes = { name: 'kubernetes', bring: bringKubernetes };

/** It checks what Prometheus reads. @type {Kind} */
export const promtool = {
  name: 'promtool',
  async bring() {
    const installed = findProgram(['promtool']);
    if (installed !== undefined) return [installed];
    const what = 'promtool';
    const otherwise = 'checking metrics needs promtool: install Prometheus';
    const root = await unpackedPackage({ debianPackage: 'prometheus', what, otherwise, leaveOut: ['usr/bin/prometheus'] });
    return [join(root, 'usr/bin/promtool')];
  },
};

/**
 * Brings the programs, or fails with the sentence that says why not.
 * @param {string} repository
 * @param {Kind} kind
 */
export async function bringPrograms(repository, { name, bring }) {
  const paths = await bring(repository);
  const folder = await emptyFolder(repository, name);
  for (const path of paths) await symlink(path, join(folder, basename(path)));
}

/**
 * Brings them where that is possible. Where it is not, what needs them is left out and names the sentence as its reason; everything
 * else is done all the same.
 * @param {string} repository
 * @param {Kind} kind
 * @param {string} consequence such as `the tests that need them will be skipped`
 */
export async function bringProgramsIfPossible(repository, kind, consequence) {
  try {
    await bringPrograms(repository, kind);
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    if (error.details !== undefined) process.stderr.write(`${error.details}\n`);
    say(`${error.message}; ${consequence}`);
    await writeFile(join(await emptyFolder(repository, kind.name), 'lacking'), error.message);
  }
}

/**
 * @param {string} repository
 * @param {string} name
 */
async function emptyFolder(repository, name) {
  const folder = join(repository, 'node_modules', '.smartcopy-programs', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}
