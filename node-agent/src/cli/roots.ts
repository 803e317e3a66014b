import { spawn } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { z } from 'zod';
import { isAbsolute, joinPath, parentOf } from '../engine/byte-paths.ts';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import type { Screen } from './screen.ts';
import { readYamlFile } from './yaml-file.ts';

/** A directory that jobs name by its alias. */
export interface Root {
  readonly alias: string;
  readonly directory: Buffer;
  /** What makes the directory when it is missing. */
  readonly preparation?: Preparation;
}

interface Preparation {
  readonly command: readonly [program: string, ...given: readonly string[]];
  /** Where it runs: the directory of the smartcopy.yaml that names it. */
  readonly folder: Buffer;
}

const alias = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a root alias has lower-case letters, digits and hyphens');

/** `smartcopy.yaml`, beside the jobs it serves; its directories start from where it is. */
const rootsFile = z.strictObject({
  roots: z.record(alias, z.string().min(1)),
  prepare: z.record(alias, z.tuple([z.string()], z.string())).default({}),
});

/**
 * The roots that a file of jobs may use: those of the smartcopy.yaml beside it, and those of `--root`, which win.
 * @throws InputError when either cannot be understood
 */
export function readRoots(jobFile: Buffer, rootOptions: readonly string[]): ReadonlyMap<string, Root> {
  const roots = [...readRootsFile(joinPath(parentOf(jobFile), Buffer.from('smartcopy.yaml'))), ...rootOptions.map(parseRootOption)];
  return new Map(roots.map((root) => [root.alias, root]));
}

/**
 * The directory of a root, with its links resolved. A missing one is made by its preparation, if it has any; never by
 * itself, because a disk that is not mounted must not be taken for an empty directory.
 * @throws InputError when there is no directory in the end
 */
export async function openRoot(root: Root, screen: Screen, signal: AbortSignal): Promise<Buffer> {
  const { directory, preparation } = root;
  if (preparation !== undefined && !existsSync(directory)) await prepare(root.alias, preparation, screen, signal);
  if (!isDirectory(directory)) {
    throw new InputError(
      `root ${root.alias}: ${escapePath(directory)} is no directory; make it, or name another with --root ${root.alias}=DIR`,
    );
  }
  return realpathSync.native(directory, { encoding: 'buffer' });
}

function readRootsFile(file: Buffer): readonly Root[] {
  if (!existsSync(file)) return [];
  const [document, second] = readYamlFile(file);
  if (document === undefined) return [];
  if (second !== undefined) throw new InputError(`${second.locate([])}: there is a second document; smartcopy.yaml has one`);
  const parsed = rootsFile.safeParse(document.value);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${document.locate(issue.path)}: ${issue.path.join('.')}: ${issue.message}`);
    throw new InputError(mistakes.join('; '));
  }
  const folder = parentOf(file);
  const { roots, prepare } = parsed.data;
  return Object.entries(roots).map(([alias, directory]) => ({
    alias,
    directory: isAbsolute(Buffer.from(directory)) ? Buffer.from(directory) : joinPath(folder, Buffer.from(directory)),
    ...(prepare[alias] === undefined ? {} : { preparation: { command: prepare[alias], folder } }),
  }));
}

function parseRootOption(option: string): Root {
  const [, name, directory] = /^([^=]*)=(.+)$/s.exec(option) ?? [];
  if (directory === undefined || !alias.safeParse(name).success || name === undefined) {
    throw new InputError(`--root takes ALIAS=DIR, such as scratch=/mnt/scratch, not '${showArgument(option)}'`);
  }
  return { alias: name, directory: argumentBytes(directory) };
}

async function prepare(alias: string, { command, folder }: Preparation, screen: Screen, signal: AbortSignal): Promise<void> {
  const shown = escapePath(Buffer.from(command.join(' ')));
  screen.line(`root ${alias} is missing; smartcopy.yaml has it made by: ${shown}`);
  const startedAt = performance.now();
  const failure = await runCommand(command, folder, signal);
  signal.throwIfAborted();
  if (failure !== undefined) throw new InputError(`root ${alias}: ${shown}: ${failure}`);
  screen.line(`root ${alias} was made in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** @returns how it failed, or `undefined` when it did not */
function runCommand([program, ...given]: Preparation['command'], folder: Buffer, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, given, {
      cwd: folder.toString(),
      // `node` means the Node that runs this program: the host's own may be too old for what the command is written in.
      env: { ...process.env, PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter) },
      stdio: ['ignore', 2, 2], // stdout is for the answer.
      signal,
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, killedBy) => resolve(status === 0 ? undefined : `ended with ${killedBy ?? `status ${status}`}`));
  });
}

function isDirectory(path: Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
