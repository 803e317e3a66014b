import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { cached, cacheFolder, isNotFound, keyOf } from './cache.mjs';
import { chooseNode } from './choose-node.mjs';
import { SetUpError, step } from './report.mjs';
import { runTool } from './tools.mjs';

/** Nothing that SmartCopy depends on needs an install script, so none is run. */
const npmOptions = ['--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--no-update-notifier'];

/**
 * The Node to use: the host's, or the pinned one from the cache, brought first when it is not there.
 * @param {string} repository
 * @returns {Promise<string>} absolute path of the program
 */
export async function bringNode(repository) {
  const { engines } = await readPackage(repository, '.');
  const host = {
    nodeVersion: process.versions.node,
    platform: process.platform,
    architecture: process.arch,
    glibcVersion: glibcVersion(),
  };
  const choice = chooseNode(host, engines.node);
  // Not the name in PATH: that may be a version manager's shim, which answers differently in other folders.
  if (choice.kind === 'host') return process.execPath;
  if (choice.kind === 'none') throw new SetUpError(choice.reason);
  return join(await bringPinnedNode(repository, choice.packageName), 'bin', 'node');
}

function glibcVersion() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header.glibcVersionRuntime;
}

/**
 * @param {string} repository
 * @param {string} packageName
 */
async function bringPinnedNode(repository, packageName) {
  const pins = join(repository, 'toolchain', packageName);
  const lock = await readFile(join(pins, 'package-lock.json'), 'utf8');
  const version = JSON.parse(lock).packages[`node_modules/${packageName}`].version;
  const name = `${version}-${process.arch}-${keyOf([lock])}`;
  return cached({ kind: 'node', name }, (folder) =>
    step(`installing Node ${version} (this host has ${process.versions.node})`, async () => {
      for (const file of ['package.json', 'package-lock.json']) await copyFile(join(pins, file), join(folder, file));
      await runNpm({ folder, node: process.execPath, log: 'npm-node' });
      await mkdir(join(folder, 'bin'));
      await rename(join(folder, 'node_modules', packageName, 'bin', 'node'), join(folder, 'bin', 'node'));
      await rm(join(folder, 'node_modules'), { recursive: true });
    }),
  );
}

/**
 * Installs the packages of all workspaces as the lock file says, unless that was done.
 * @param {string} repository
 * @param {string} node
 */
export async function bringNpmPackages(repository, node) {
  const done = join(repository, 'node_modules', '.smartcopy-packages');
  const key = await packagesKey(repository);
  if ((await textOf(done)) === key) return;
  await step('installing npm packages', async () => {
    await runNpm({ folder: repository, node, log: 'npm' });
    // npm ci begins by removing node_modules, and this file in it: it is there only when all packages are.
    await writeFile(done, key);
  });
}

/**
 * What npm reads to decide what to install: another script or description is no reason to install again.
 * @param {string} repository
 */
async function packagesKey(repository) {
  const folders = ['.', ...(await readPackage(repository, '.')).workspaces];
  const packages = await Promise.all(folders.map((folder) => readPackage(repository, folder)));
  const lock = await readFile(join(repository, 'package-lock.json'), 'utf8');
  const read = packages.map(({ scripts, description, exports, ...whatNpmReads }) => JSON.stringify(whatNpmReads));
  return keyOf([process.arch, lock, ...read]);
}

/**
 * @param {string} repository
 * @param {string} folder
 */
async function readPackage(repository, folder) {
  return JSON.parse(await readFile(join(repository, folder, 'package.json'), 'utf8'));
}

/**
 * @param {{ readonly folder: string, readonly node: string, readonly log: string }} options
 */
async function runNpm({ folder, node, log }) {
  await runTool(['npm', 'ci', ...npmOptions], {
    log,
    folder,
    failure: 'the npm packages could not be installed: is the registry reachable?',
    environment: {
      ...process.env,
      // npm runs on the Node that will use the packages: it chooses builds by its own Node.
      PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
      npm_config_cache: join(cacheFolder, 'npm'),
    },
  });
}

/** @param {string} path */
async function textOf(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
