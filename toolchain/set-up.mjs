import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { benchPeers } from './bench-peers.mjs';
import { removeUnused } from './cache.mjs';
import { addon, bringNativeBuild, engineTests, placeOf, threadTests } from './native-build.mjs';
import { bringNode, bringNpmPackages } from './npm-packages.mjs';
import { SetUpError, say } from './report.mjs';
import { bringBuildPackages, bringTestPackages, hasGoogleTest } from './system-packages.mjs';
import { bringPrograms, bringProgramsIfPossible, kubernetes, promtool } from './test-programs.mjs';

/**
 * Started by set-up.sh with the lock held, on any Node >= 20: `set-up.mjs launch|cluster|tests|threads|bench <digest of the inputs>`.
 * The goal `cluster` adds to `launch` what a control plane on this host needs, `tests` all that any test needs, `threads` the engine's tests
 * under the thread sanitizer, and `bench` the programs to compare with. Each step finds out whether its work was done before, so a set-up
 * can be killed anywhere and started again.
 */
const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const [goal, inputs] = process.argv.slice(2);

try {
  if (!isGoal(goal) || inputs === undefined) throw new TypeError('use: set-up.mjs launch|cluster|tests|threads|bench DIGEST');
  await setUp(goal, inputs);
} catch (error) {
  if (error instanceof SetUpError) {
    if (error.details !== undefined) process.stderr.write(`${error.details}\n`);
    say(error.message);
  } else {
    // A full disk, a folder that belongs to somebody else: the system's own message says it best.
    say(`the set-up failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  process.exitCode = 1;
}

/**
 * @typedef {'launch' | 'cluster' | 'tests' | 'threads' | 'bench'} Goal
 * @param {string | undefined} word
 * @returns {word is Goal}
 */
function isGoal(word) {
  return word === 'launch' || word === 'cluster' || word === 'tests' || word === 'threads' || word === 'bench';
}

/**
 * @param {Goal} goal
 * @param {string} inputs
 */
async function setUp(goal, inputs) {
  if (Number.parseInt(process.versions.node, 10) < 20) {
    throw new SetUpError(`setting up needs Node 20 or newer, and this host has ${process.versions.node}: install a newer one`);
  }
  await bringBuildPackages();
  const node = await bringNode(repository);
  await bringNpmPackages(repository, node);
  await bringNativeBuild(repository, addon);
  if (goal === 'tests') await bringEngineTests(engineTests);
  if (goal === 'threads') await bringEngineTests(threadTests);
  if (goal === 'bench') await bringTestPackages();
  await removeUnused();
  await writeStamp(node, inputs);
  // Last, because it may take minutes: whoever only wants to launch need not wait for it.
  if (goal === 'cluster') await bringPrograms(repository, kubernetes);
  if (goal === 'tests') {
    for (const kind of [kubernetes, promtool]) await bringProgramsIfPossible(repository, kind, 'the tests that need them will be skipped');
  }
  if (goal === 'bench') {
    for (const kind of benchPeers) await bringProgramsIfPossible(repository, kind, 'there will be no comparison with it');
  }
}

/** @param {import('./native-build.mjs').Configuration} configuration */
async function bringEngineTests(configuration) {
  await bringTestPackages();
  if (hasGoogleTest()) await bringNativeBuild(repository, configuration);
  else await rm(placeOf(repository, configuration), { force: true }); // an old one would test old code
}

/**
 * What set-up.sh compares at every start.
 * @param {string} node
 * @param {string} inputs as they were before the set-up: what was edited meanwhile makes the next start set up again
 */
async function writeStamp(node, inputs) {
  const identities = await Promise.all([node, placeOf(repository, addon)].map(identityOf));
  await writeFile(join(repository, 'node_modules', '.smartcopy-ready'), [node, inputs, ...identities, ''].join('\n'));
}

/**
 * As `stat -c '%s %Y'` prints it.
 * @param {string} path
 */
async function identityOf(path) {
  const { size, mtimeNs } = await stat(path, { bigint: true });
  return `${size} ${mtimeNs / 1_000_000_000n}`;
}
