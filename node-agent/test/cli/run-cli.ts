import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

// The same place as the launcher's: compiled code of the last runs, without which every process would compile the program anew.
const compileCache = fileURLToPath(new URL('../../../node_modules/.smartcopy-compile', import.meta.url));
export const mainPath = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What a run of the real command line came to. */
export interface CliResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly process: ChildProcess;
  readonly result: Promise<CliResult>;
}

/** Starts the command line as a process of its own, with pipes for stdout and stderr. */
export function startCli(given: readonly string[], cwd?: string): CliRun {
  return startProgram(process.execPath, [mainPath, ...given], cwd);
}

export function runCli(given: readonly string[], cwd?: string): Promise<CliResult> {
  return startCli(given, cwd).result;
}

/** Runs the command line through a shell: for arguments that are no UTF-8, which spawn() cannot pass. `$smartcopy` starts it. */
export function runShell(script: string, cwd?: string): Promise<CliResult> {
  return startProgram('sh', ['-c', script.replaceAll('$smartcopy', `'${process.execPath}' '${mainPath}'`)], cwd).result;
}

/** A temporary directory that goes with the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'smartcopy-cli-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Why tests that mount something, in a namespace of their own, cannot run here; false when they can. */
export function withoutMounts(): string | false {
  const canMount = spawnSync('sh', ['-c', 'unshare --mount --map-root-user mount -t tmpfs none /tmp']).status === 0;
  return canMount ? false : 'this user may not mount anything, even for itself';
}

/** Starts any program in the same way. */
export function startProgram(program: string, given: readonly string[], cwd?: string): CliRun {
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
  const child = spawn(program, given, { ...(cwd === undefined ? {} : { cwd }), env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<Pick<CliResult, 'status' | 'signal'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
  const result = Promise.all([ended, text(child.stdout), text(child.stderr)]).then(([end, stdout, stderr]) => ({ ...end, stdout, stderr }));
  return { process: child, result };
}
