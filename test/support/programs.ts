import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const executeFile = promisify(execFile);

/** Where administrators' programs are on systems that leave them out of a user's PATH. */
const searched = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/**
 * Runs a program to its end and gives its standard output.
 * @throws an error with the program's own words when it ends with anything but 0
 */
export async function execute(program: string, programArguments: readonly string[]): Promise<string> {
  const { stdout } = await executeFile(findProgram(program) ?? program, programArguments, { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

export function findProgram(program: string): string | undefined {
  return searched.map((folder) => join(folder, program)).find(isExecutable);
}

/** Why a test that needs these programs cannot run here, for its `skip`; false when it can. */
export function lacksProgram(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  return missing.length > 0 && `this host has no ${missing.join(' and no ')}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
