import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { bringCSources } from './c-sources.mjs';
import { cached, fileDigests, isNotFound, keyOf } from './cache.mjs';
import { SetUpError, step } from './report.mjs';
import { findProgram, runTool } from './tools.mjs';

/**
 * @typedef {object} Configuration
 * @property {'release' | 'sanitized' | 'threads'} name
 * @property {string} title for the step
 * @property {string} target CMake's name of it
 * @property {string} product the file that is built
 * @property {readonly string[]} sources what it is made of, below `native`
 * @property {readonly string[]} options for CMake
 */

/** @type {Configuration} */
export const addon = {
  name: 'release',
  title: 'building the engine',
  target: 'smartcopy',
  product: 'smartcopy.node',
  sources: ['src'],
  options: ['-DCMAKE_BUILD_TYPE=Release'],
};

/** @type {Configuration} */
export const engineTests = {
  name: 'sanitized',
  title: "building the engine's tests with sanitizers",
  target: 'engine_tests',
  product: 'engine_tests',
  sources: ['src/engine', 'test', 'fuzz'],
  options: ['-DSMARTCOPY_TESTING=ON'],
};

/** The same tests for the thread sanitizer, which cannot be had together with the others. @type {Configuration} */
export const threadTests = {
  ...engineTests,
  name: 'threads',
  title: "building the engine's tests with the thread sanitizer",
  product: 'engine_tests_tsan',
  options: ['-DSMARTCOPY_TSAN=ON'],
};

/**
 * Builds one configuration and puts the product into native/build. What was built anywhere from the same content, with the
 * same compiler and options, is taken from the cache.
 * @param {string} repository
 * @param {Configuration} configuration
 */
export async function bringNativeBuild(repository, configuration) {
  const inputs = await inputsOf(repository, configuration);
  const name = `${configuration.name}-${keyOf([...inputs.settings, ...[...inputs.files].flat()])}`;
  const entry = await cached({ kind: 'builds', name }, (folder) =>
    step(configuration.title, async () => {
      const product = await build(repository, configuration, inputs);
      await copyFile(product, join(folder, configuration.product));
    }),
  );
  await place(join(entry, configuration.product), placeOf(repository, configuration));
}

/**
 * Where the product is used from.
 * @param {string} repository
 * @param {Configuration} configuration
 */
export function placeOf(repository, { product }) {
  return join(repository, 'native', 'build', product);
}

/**
 * @typedef {object} BuildInputs
 * @property {readonly string[]} settings everything but our own sources, by content
 * @property {ReadonlyMap<string, string>} files digests of our own sources
 * @property {readonly string[]} cmakeArguments
 */

/**
 * @param {string} repository
 * @param {Configuration} configuration
 * @returns {Promise<BuildInputs>}
 */
async function inputsOf(repository, { options, sources }) {
  const { blake3, xxhash } = await bringCSources();
  const compiler = compilerArguments();
  const settings = [process.arch, ...options, ...compiler, compilerIdentity()];
  const foreign = [
    await fileDigests(blake3, ['.']),
    await fileDigests(xxhash, ['xxhash.h']),
    await fileDigests(join(repository, 'node_modules'), ['node-addon-api/package.json', 'node-api-headers/package.json']),
  ];
  settings.push(...foreign.map((digests) => JSON.stringify([...digests])));
  return {
    settings,
    files: await ownSources(repository, sources),
    cmakeArguments: [...options, ...compiler, `-DSMARTCOPY_BLAKE3_DIR=${blake3}`, `-DSMARTCOPY_XXHASH_DIR=${xxhash}`],
  };
}

/**
 * @param {string} repository
 * @param {readonly string[]} sources
 */
async function ownSources(repository, sources) {
  const digests = await fileDigests(join(repository, 'native'), ['CMakeLists.txt', ...sources]);
  return new Map([...digests].filter(([path]) => !path.endsWith('.ts')));
}

/** CXX and CC are the user's choice and reach CMake by themselves. */
function compilerArguments() {
  if (process.env.CXX !== undefined) return [];
  const isGnu = findProgram(['g++']) !== undefined;
  return [`-DCMAKE_CXX_COMPILER=${isGnu ? 'g++' : 'clang++'}`, `-DCMAKE_C_COMPILER=${isGnu ? 'gcc' : 'clang'}`];
}

/** What the same arguments mean today: the compiler may have been upgraded, and CMake reads flags from the environment. */
function compilerIdentity() {
  const { CXX, CC, CXXFLAGS, CFLAGS, LDFLAGS } = process.env;
  const [program = 'g++', ...programArguments] = CXX?.split(' ') ?? [findProgram(['g++', 'clang++']) ?? 'g++'];
  const version = execFileSync(program, [...programArguments, '--version'], { encoding: 'utf8' });
  return JSON.stringify([version, CXX, CC, CXXFLAGS, CFLAGS, LDFLAGS]);
}

/**
 * Builds in `native/build/<configuration>`, where only what changed is compiled again.
 * @param {string} repository
 * @param {Configuration} configuration
 * @param {BuildInputs} inputs
 * @returns {Promise<string>} the product
 */
async function build(repository, { name, target, product, sources }, { settings, files, cmakeArguments }) {
  const native = join(repository, 'native');
  const folder = join(native, 'build', name);
  const generator = findProgram(['ninja']) === undefined ? 'Unix Makefiles' : 'Ninja';
  await prepareBuildFolder(folder, { native, settings: [...settings, ...cmakeArguments, generator], files });

  const failure = 'the engine could not be built';
  await runTool(['cmake', '-S', native, '-B', folder, '-G', generator, ...cmakeArguments], { log: `build-${name}`, failure });
  const jobs = String(availableParallelism());
  await runTool(['cmake', '--build', folder, '--target', target, '--parallel', jobs], { log: `build-${name}`, failure, appendLog: true });

  // What is kept under the name of some content must be made of it.
  if (JSON.stringify([...(await ownSources(repository, sources))]) !== JSON.stringify([...files])) {
    throw new SetUpError('the sources of the engine were edited while they were built: start again');
  }
  return join(folder, product);
}

/**
 * Keeps the last build's objects where Ninja can be trusted with them. It compiles what is newer than its object, and so misses
 * another compiler of the same name, and an older file put in place of a newer one (by tar or rsync). Then, and for make,
 * which may keep half an object after a kill, everything is compiled.
 * @param {string} folder
 * @param {{ readonly native: string, readonly settings: readonly string[], readonly files: ReadonlyMap<string, string> }} now
 */
async function prepareBuildFolder(folder, { native, settings, files }) {
  const recordPath = join(folder, 'smartcopy-inputs.json');
  const record = { settings: keyOf(settings), startMs: Date.now(), files: Object.fromEntries(files) };
  const last = await readRecord(recordPath);
  const canContinue = settings.includes('Ninja') && last?.settings === record.settings;
  if (!canContinue || (await hasBackdated(native, files, last))) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(recordPath, JSON.stringify(record));
}

/**
 * Whether a file differs from what the last build saw although its time says that it is older than that build.
 * @param {string} native
 * @param {ReadonlyMap<string, string>} files
 * @param {BuildRecord} last
 */
async function hasBackdated(native, files, last) {
  for (const [path, digest] of files) {
    const isOld = (await stat(join(native, path))).mtimeMs <= last.startMs;
    if (isOld && digest !== last.files[path]) return true;
  }
  return false;
}

/**
 * @typedef {{ readonly settings: string, readonly startMs: number, readonly files: Readonly<Record<string, string>> }} BuildRecord
 * @param {string} path
 * @returns {Promise<BuildRecord | undefined>}
 */
async function readRecord(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined; // never built, or killed while this was written
    throw error;
  }
}

/**
 * Replaces a file at once: programs that have the old one open keep it.
 * @param {string} from
 * @param {string} to
 */
async function place(from, to) {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, `${to}.new`, constants.COPYFILE_FICLONE);
  await rename(`${to}.new`, to);
}
