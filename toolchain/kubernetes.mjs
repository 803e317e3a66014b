import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { cached, fileDigests, keyOf } from './cache.mjs';
import { SetUpError, showProgress, step } from './report.mjs';
import { findProgram, isProgram, logPath, runTool } from './tools.mjs';

/** The programs of a control plane that tests and the playground start. */
const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
const programNames = `${programs.slice(0, -1).join(', ')} and ${programs.at(-1)}`;

const buildLog = 'build-kubernetes';
const progressIntervalMs = 2000;
/** Of the packages: a word every minute or so. */
const progressStepPercent = 10;

/**
 * Finds the programs in the folder that KUBEBUILDER_ASSETS names, or in PATH, or builds them from their Go modules.
 * @param {string} repository
 * @returns {Promise<readonly string[]>} absolute paths that end in the programs' names
 * @throws {SetUpError} when they cannot be had here
 */
export async function bringKubernetes(repository) {
  const { KUBEBUILDER_ASSETS: assets } = process.env;
  if (assets) return inAssets(resolve(assets));
  // All or none: the parts of a control plane belong together, and many hosts have some kubectl.
  const found = programs.flatMap((name) => findProgram([name]) ?? []);
  if (found.length === programs.length) return found;
  const folder = await build(join(repository, 'toolchain', 'kubernetes'));
  return programs.map((name) => join(folder, name));
}

/**
 * Somebody chose this folder: when the choice does not hold, they want to hear it, not to wait for a build.
 * @param {string} folder
 */
function inAssets(folder) {
  const paths = programs.map((name) => join(folder, name));
  const missing = programs.filter((_, index) => !isProgram(paths[index] ?? ''));
  if (missing.length === 0) return paths;
  throw new SetUpError(
    `KUBEBUILDER_ASSETS is set to ${folder}, which holds no ${missing.join(' and no ')}: add what is missing, or unset it to have ${programNames} built`,
  );
}

/**
 * One binary, kept in the cache under the content of everything it is made of, with a link for each name.
 * @param {string} module the folder of the Go module
 */
async function build(module) {
  const { go, version } = await findGo(module);
  const linkerFlags = await versionFlags(module);
  const digests = await fileDigests(module, ['go.mod', 'go.sum', 'main.go']);
  const name = `kubernetes-${keyOf([process.arch, version, linkerFlags, ...[...digests].flat()])}`;
  return cached({ kind: 'builds', name }, async (folder) => {
    const packageCount = await step('fetching the Go modules of etcd and Kubernetes', () => fetchModules(go, module));
    await step(`building ${programNames}, which takes minutes, but only once`, () =>
      withProgress(packageCount, () =>
        runGo([go, 'build', '-v', ...buildFlags, '-ldflags', linkerFlags, '-o', join(folder, 'kubernetes'), '.'], {
          module,
          log: buildLog,
          failure: `${programNames} could not be built`,
        }),
      ),
    );
    for (const program of programs) await symlink('kubernetes', join(folder, program));
  });
}

/** As many packages at once as there are CPUs; what the linker leaves out is only good for debuggers. */
const buildFlags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-p', String(availableParallelism())];

/**
 * @param {string} module
 * @returns {Promise<{ readonly go: string, readonly version: string }>}
 */
async function findGo(module) {
  const needed = wordIn(await readFile(join(module, 'go.mod'), 'utf8'), /^go (\d+\.\d+)/m);
  const advice = `install Go ${needed} or newer, or set KUBEBUILDER_ASSETS to a folder that holds them`;
  const go = findProgram(['go']);
  if (go === undefined) throw new SetUpError(`${programNames} cannot be built, for this host has no Go: ${advice}`);
  const version = askVersion(go);
  if (version === undefined) throw new SetUpError(`${programNames} cannot be built, for ${go} does not say its version: ${advice}`);
  const [major = 0, minor = 0] = wordIn(version, /go(\d+\.\d+)/)
    .split('.')
    .map(Number);
  const [neededMajor = 0, neededMinor = 0] = needed.split('.').map(Number);
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return { go, version };
  throw new SetUpError(`${programNames} cannot be built, for this host has Go ${major}.${minor}: ${advice}`);
}

/**
 * @param {string} go
 * @returns {string | undefined} nothing for a Go that does not run, or says something else
 */
function askVersion(go) {
  try {
    const said = execFileSync(go, ['version'], { cwd: '/', env: goEnvironment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /go\d+\.\d+/.test(said) ? said.trim() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the programs say when they are asked for their version: a plain build would claim v0.0.0.
 * @param {string} module
 */
async function versionFlags(module) {
  const version = wordIn(await readFile(join(module, 'go.mod'), 'utf8'), /^\tk8s\.io\/kubernetes (v\S+)$/m);
  const [major, minor] = version.slice(1).split('.');
  const facts = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z' };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  return ['-s -w', ...packages.flatMap((path) => Object.entries(facts).map(([key, value]) => `-X ${path}.${key}=${value}`))].join(' ');
}

/**
 * Fetches what the build reads and no more, and counts its packages.
 * @param {string} go
 * @param {string} module
 */
async function fetchModules(go, module) {
  const failure = 'the Go modules of etcd and Kubernetes could not be fetched: is the Go module proxy reachable?';
  await runGo([go, 'list', '-deps', '-mod=readonly', '.'], { module, log: 'fetch-kubernetes', failure });
  return countLines(await readFile(logPath('fetch-kubernetes'), 'utf8'));
}

/**
 * @param {readonly [string, ...string[]]} command
 * @param {{ readonly module: string, readonly log: string, readonly failure: string }} options
 */
async function runGo(command, { module, log, failure }) {
  await runTool(command, { log, failure, folder: module, environment: goEnvironment() });
}

/** Go's own settings and caches are the user's, but it fetches no other Go, and sees this module alone. */
function goEnvironment() {
  return { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
}

/**
 * Shows how far the build is: with -v, Go writes a line for each package that it has begun to compile.
 * @param {number} packageCount
 * @param {() => Promise<void>} work
 */
async function withProgress(packageCount, work) {
  let nextPercent = progressStepPercent;
  const timer = setInterval(() => {
    const percent = (100 * countLines(readFileSync(logPath(buildLog), 'utf8'))) / packageCount;
    for (; nextPercent <= percent && nextPercent < 100; nextPercent += progressStepPercent) showProgress(`${nextPercent} %`);
  }, progressIntervalMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

/** @param {string} text */
function countLines(text) {
  return text.split('\n').length - 1;
}

/**
 * @param {string} text
 * @param {RegExp} pattern with one group
 */
function wordIn(text, pattern) {
  const word = pattern.exec(text)?.[1];
  if (word === undefined) throw new TypeError(`nothing like ${pattern} in: ${text.slice(0, 200)}`);
  return word;
}
