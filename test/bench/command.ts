import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { broughtFolder } from '../support/brought-programs.ts';

export type Command = readonly [program: string, ...programArguments: string[]];

export interface Ran {
  readonly seconds: number;
  readonly stdout: string;
}

/** Longer than anything here takes by several times: what hangs, or was given what it cannot do, must end. */
const longestMs = 15 * 60 * 1000;
const saidLength = 400;
const saidLimit = 1024 * 1024;

/** What the set-up brought for comparisons comes before what the host has under the same names. */
const folders = existsSync(broughtFolder) ? readdirSync(broughtFolder).map((kind) => join(broughtFolder, kind)) : [];
const searched = [...folders, ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].join(delimiter);

/** The programs among these that this host does not have. */
export function missingPrograms(programs: readonly string[]): readonly string[] {
  return programs.filter((program) => !searched.split(delimiter).some((folder) => existsSync(join(folder, program))));
}

/**
 * Runs a program to its end and takes the time from its start to its end.
 * @throws Error with what it said, when it does not end with 0
 */
export async function run([program, ...programArguments]: Command, signal: AbortSignal): Promise<Ran> {
  signal.throwIfAborted();
  const began = process.hrtime.bigint();
  // A group of its own: what it starts must end with it.
  const child = spawn(program, programArguments, { env: { ...process.env, PATH: searched, LC_ALL: 'C' }, stdio, detached: true });
  const end = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const endGroup = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  end.addEventListener('abort', endGroup);
  try {
    const ended = await endOf(child);
    signal.throwIfAborted();
    if (ended.outcome === 0) return { seconds: Number(ended.atNs - began) / 1e9, stdout: ended.stdout };
    const words = ended.stderr.trim() || ended.stdout.trim();
    throw new Error(`${program} ended with ${ended.outcome}: ${words.slice(-saidLength)}`);
  } finally {
    end.removeEventListener('abort', endGroup);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // All of it has ended already, and has not been heard of yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];

interface Ended {
  readonly outcome: number | string | null;
  readonly atNs: bigint;
  readonly stdout: string;
  readonly stderr: string;
}

async function endOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] = `${said[stream]}${text}`.slice(-saidLimit);
    });
  }
  let atNs = 0n;
  child.on('exit', () => {
    atNs = process.hrtime.bigint();
  });
  // Everything it said is there only then.
  const [status, signalName] = await once(child, 'close');
  return { outcome: status ?? signalName, atNs, ...said };
}
