import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import process from 'node:process';
import { isNotFound } from './cache.mjs';
import { SetUpError, say, step } from './report.mjs';
import { findProgram, runTool } from './tools.mjs';

/**
 * What a package is needed for, told by what it brings.
 * @typedef {object} Need
 * @property {readonly string[]} anyOf programs, or absolute paths of files; one of them suffices
 * @property {string} debianPackage
 * @property {string} what as a person would call it
 */

/** The user's own choice, as CMake understands CXX (it may hold options), else the usual ones in the order they are tried. */
const compilerNames = process.env.CXX === undefined ? ['g++', 'clang++'] : process.env.CXX.split(' ', 1);

/** @type {readonly Need[]} */
const buildNeeds = [
  { anyOf: compilerNames, debianPackage: 'g++', what: 'a C++20 compiler (g++ or clang++)' },
  { anyOf: ['cmake'], debianPackage: 'cmake', what: 'CMake' },
  { anyOf: ['ninja', 'make'], debianPackage: 'ninja-build', what: 'Ninja (or make)' },
];

/** @type {Need} */
const googleTest = { anyOf: ['/usr/include/gtest/gtest.h'], debianPackage: 'libgtest-dev', what: 'GoogleTest' };

/**
 * Programs the tests compare with or make file systems with, and GoogleTest. A test without its program is skipped by name.
 * @type {readonly Need[]}
 */
const testNeeds = [
  { anyOf: ['rsync'], debianPackage: 'rsync', what: 'rsync' },
  { anyOf: ['xxhsum'], debianPackage: 'xxhash', what: 'xxhsum' },
  { anyOf: ['b3sum'], debianPackage: 'b3sum', what: 'b3sum' },
  { anyOf: ['mkfs.xfs'], debianPackage: 'xfsprogs', what: 'mkfs.xfs' },
  { anyOf: ['mkfs.btrfs'], debianPackage: 'btrfs-progs', what: 'mkfs.btrfs' },
  { anyOf: ['mkfs.ext4'], debianPackage: 'e2fsprogs', what: 'mkfs.ext4' },
  { anyOf: ['mkfs.vfat'], debianPackage: 'dosfstools', what: 'mkfs.vfat' },
  { anyOf: ['getfattr'], debianPackage: 'attr', what: 'getfattr' },
  { anyOf: ['setfacl'], debianPackage: 'acl', what: 'setfacl' },
  { anyOf: ['losetup'], debianPackage: 'mount', what: 'losetup' },
  { anyOf: ['setpriv'], debianPackage: 'util-linux', what: 'setpriv' },
  { anyOf: ['strace'], debianPackage: 'strace', what: 'strace' },
  googleTest,
];

/** @param {Need} need */
function isMet({ anyOf }) {
  return anyOf.some((name) => (name.startsWith('/') ? existsSync(name) : findProgram([name]) !== undefined));
}

/** Installs what the build lacks, or says in one sentence what to install. */
export async function bringBuildPackages() {
  const missing = buildNeeds.filter((need) => !isMet(need));
  if (missing.length === 0) return;
  if (!canInstall()) throw new SetUpError(`building the engine needs ${enumerate(missing)}: ${adviceFor(missing)}`);
  await installPackages(missing);
  const still = missing.filter((need) => !isMet(need));
  if (still.length > 0) throw new SetUpError(`apt-get installed what was asked, yet ${enumerate(still)} cannot be found in PATH`);
}

/** Installs what the tests lack where that is possible, else says what will be skipped. */
export async function bringTestPackages() {
  const missing = testNeeds.filter((need) => !isMet(need));
  if (missing.length === 0) return;
  if (canInstall()) await installPackages(missing);
  else say(`tests that need ${enumerate(missing)} will be skipped; to run them, ${adviceFor(missing)}`);
}

export function hasGoogleTest() {
  return isMet(googleTest);
}

/** Debian and its children, as root: there packages are installed without asking, after saying so. */
function canInstall() {
  return process.getuid?.() === 0 && hasApt();
}

export function hasApt() {
  return findProgram(['apt-get']) !== undefined && findProgram(['dpkg']) !== undefined;
}

/** @param {readonly Need[]} missing */
async function installPackages(missing) {
  const names = missing.map((need) => need.debianPackage);
  await step(`installing ${names.join(', ')} with apt-get`, () =>
    runApt(['install', '-y', '--no-install-recommends', ...names], {
      failure: `${names.join(', ')} could not be installed: install what the log asks for and start again`,
    }),
  );
}

/**
 * Runs apt-get. A fresh container has no package lists, and old lists name versions that are gone: root fetches them, before
 * in the first case, after a failure in the second.
 * @param {readonly string[]} aptArguments
 * @param {{ readonly failure: string, readonly folder?: string }} options as for runTool
 */
export async function runApt(aptArguments, { failure, folder }) {
  const isRoot = process.getuid?.() === 0;
  // Another apt may be at work (unattended upgrades): wait for it as long as it reasonably takes.
  const options = ['-o', 'DPkg::Lock::Timeout=300'];
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const update = () =>
    runTool(['apt-get', 'update', ...options], { log: 'apt-get-update', failure: 'the package lists could not be fetched' });
  const run = () => runTool(['apt-get', ...options, ...aptArguments], { log: `apt-get-${aptArguments[0]}`, failure, folder, environment });

  if (!(await hasPackageLists())) {
    if (!isRoot) throw new SetUpError('this host has no package lists: run `sudo apt-get update`');
    await update();
    await run();
    return;
  }
  try {
    await run();
  } catch (error) {
    if (!isRoot) throw error;
    await update();
    await run();
  }
}

async function hasPackageLists() {
  try {
    return (await readdir('/var/lib/apt/lists')).some((name) => /_Packages(\.\w+)?$/.test(name));
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** @param {readonly Need[]} missing */
function adviceFor(missing) {
  const number = ['it', 'both'][missing.length - 1] ?? 'all';
  if (!hasApt()) return `install ${number} with your package manager`;
  return `run \`sudo apt-get install ${missing.map((need) => need.debianPackage).join(' ')}\``;
}

/** @param {readonly Need[]} needs */
function enumerate(needs) {
  const names = needs.map((need) => need.what);
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
