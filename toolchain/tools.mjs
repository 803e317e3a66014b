import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { cacheFolder } from './cache.mjs';
import { SetUpError } from './report.mjs';

/** set-up.sh holds the lock on this descriptor. Node gives it to a child only when told to. */
const lockDescriptor = 9;
const shownLines = 12;

/**
 * Runs one tool. What it says goes to `logs/<log>.log` of the cache, and is shown only when it fails.
 * @param {readonly [string, ...string[]]} command
 * @param {object} options
 * @param {string} options.log name of the log file
 * @param {string} options.failure one sentence: what failed and what to do
 * @param {string | undefined} [options.folder] where it runs
 * @param {NodeJS.ProcessEnv} [options.environment] instead of the current one
 * @param {boolean} [options.appendLog] keep what the log holds
 */
export async function runTool([program, ...programArguments], { log, failure, folder, environment = process.env, appendLog = false }) {
  const path = logPath(log);
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, appendLog ? 'a' : 'w');
  try {
    await file.write(`$ ${[program, ...programArguments].join(' ')}\n`);
    await new Promise((resolve, reject) => {
      // The fourth descriptor keeps the lock as long as the tool runs, also when the set-up itself is killed.
      const stdio = /** @type {const} */ (['ignore', file.fd, file.fd, lockDescriptor]);
      const child = spawn(program, programArguments, { cwd: folder, env: environment, stdio: [...stdio] });
      child.on('error', reject);
      child.on('exit', (code, signal) => (code === 0 ? resolve(undefined) : reject(new Error(`it ended with ${signal ?? code}`))));
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SetUpError(`${failure} (${program}: ${reason}; all it said is in ${path})`, await tellingLines(path));
  } finally {
    await file.close();
  }
}

/**
 * Where a tool's output goes.
 * @param {string} log
 */
export function logPath(log) {
  return join(cacheFolder, 'logs', `${log}.log`);
}

/**
 * What a tool says first of an error tells most: advice and consequences come after it. Without such a line, its last words.
 * npm's stack traces are for its makers.
 * @param {string} path
 */
async function tellingLines(path) {
  const text = (await readFile(path, 'utf8')).trimEnd();
  const lines = text.split('\n').filter((line) => !line.startsWith('$ ') && !/^(npm error)?\s+at /.test(line));
  const first = lines.findIndex((line) => /\berror\b|^E:/i.test(line));
  return lines.slice(first < 0 ? -shownLines : first, first < 0 ? undefined : first + shownLines).join('\n');
}

/**
 * The first of the programs that PATH has, as an absolute path.
 * @param {readonly string[]} names
 */
export function findProgram(names) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  // Root's shell may lack the folders of the administrator's tools (mkfs and others).
  const all = [...folders, '/usr/sbin', '/sbin'];
  return names.flatMap((name) => all.map((folder) => join(folder, name))).find(isProgram);
}

/** @param {string} path */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // absent, or not ours to run: the same to the caller
  }
}
