import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { cleanUp } from './clean-up.ts';
import { eventually } from './eventually.ts';

/** The launcher of this repository, or another one to put the same questions to. */
const launcher = process.env.SMARTCOPY_LAUNCHER ?? join(import.meta.dirname, '..', '..', 'smartcopy');

export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly hasEnded: () => boolean;
  /** As `eventually`, while it runs: fails at once, with what it said, when it ends before. */
  readonly until: <T>(what: string, look: () => T | undefined | false) => Promise<T>;
}

export interface StartOptions {
  /** A program with its arguments that starts it under other conditions, such as `setpriv ...`. */
  readonly by?: readonly string[];
}

/** Starts the command line; it is killed when the test ends and it has not. */
export function startSmartcopy(t: TestContext, given: readonly string[], { by = [] }: StartOptions = {}): Running {
  const [program = launcher, ...programArguments] = [...by, launcher, ...given];
  const child = spawn(program, programArguments, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, ...output }));
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  cleanUp(t, async () => {
    if (hasEnded()) return;
    child.kill('SIGKILL');
    await ended;
  });
  const until: Running['until'] = (what, look) =>
    eventually(what, () => {
      const seen = look();
      assert.ok(seen || !hasEnded(), `${what}: it ended before, saying:\n${output.stderr}`);
      return seen;
    });
  return { child, ended, hasEnded, until };
}

/** Runs the command line to its end. */
export async function smartcopy(t: TestContext, given: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return await startSmartcopy(t, given, options).ended;
}

/** Runs it and fails unless it says that everything was done. */
export async function smartcopyDone(t: TestContext, given: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const ended = await smartcopy(t, given, options);
  assert.equal(ended.status, 0, `smartcopy ${given.join(' ')}:\n${ended.stderr}`);
  return ended;
}

const count = z.int().min(0);

/** The one document that `--json` prints, as far as tests read it. */
const copyDocument = z.object({
  phase: z.enum(['Complete', 'Failed']),
  progress: z.object({
    bytesDone: count,
    bytesTotal: count,
    filesDone: count,
    filesTotal: count,
    filesUnchanged: count,
    filesFailed: count,
  }),
  engineUsed: z.object({
    reflink: count,
    copyFileRange: count,
    readWrite: count,
    ioUring: count,
    mmap: count,
    holes: count,
    directIoBytes: count,
  }),
  errors: z.array(
    z.object({
      reason: z.string(),
      path: z.string(),
      pathHex: z.string().optional(),
      errno: z.string().optional(),
      syscall: z.string().optional(),
      count: z.int().min(1),
    }),
  ),
});
export type CopyDocument = z.infer<typeof copyDocument>;

/** Reads standard output, which must be exactly one JSON document. */
export function readDocument({ stdout }: Ended): CopyDocument {
  return copyDocument.parse(JSON.parse(stdout));
}

/** Reads what `run --json` prints: the status of each job, in their order. */
export function readJobList({ stdout }: Ended): readonly CopyDocument[] {
  const list = z.object({ kind: z.literal('TransferJobList'), items: z.array(z.object({ status: copyDocument })) });
  return list.parse(JSON.parse(stdout)).items.map(({ status }) => status);
}
