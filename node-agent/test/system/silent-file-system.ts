import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { execute, findProgram } from '../../../test/support/programs.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';

/** A file system that never answers, as a network file system whose server is gone: whatever is asked below it hangs. */
export interface SilentFileSystem {
  /** Its mount point, which can be opened itself. */
  readonly path: string;
  /** Fails what hangs, and whatever is asked from now on. */
  readonly give: () => void;
}

/**
 * Mounts one: a FUSE file system of which this process is the server, and says nothing. It is gone when the test ends.
 * @returns undefined where that is not possible; then the test is marked as skipped and why
 */
export async function silentFileSystem(t: TestContext): Promise<SilentFileSystem | undefined> {
  const program = findProgram('mount');
  if (program === undefined || process.getuid?.() !== 0) {
    t.skip('mounting needs root, and the program mount');
    return undefined;
  }
  const path = join(await temporaryFolder(t), 'silent');
  mkdirSync(path);
  try {
    return await mount(t, program, path);
  } catch (error) {
    t.skip(`FUSE cannot be used here: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function mount(t: TestContext, program: string, path: string): Promise<SilentFileSystem> {
  const device = openSync('/dev/fuse', 'r+');
  let isGiven = false;
  const give = (): void => {
    if (!isGiven) closeSync(device);
    isGiven = true;
  };
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const child = spawn(program, ['-i', '-t', 'fuse', '-o', options, 'silent', path], { stdio: ['ignore', 'ignore', 'pipe', device] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) {
    give();
    throw new Error(said.trim());
  }
  cleanUp(t, async () => {
    give(); // Else umount would hang as well.
    await execute('umount', ['--lazy', path]);
  });
  return { path, give };
}
