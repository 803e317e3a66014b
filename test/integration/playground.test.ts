import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { kubernetesProgram, lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { eventually } from '../support/eventually.ts';
import { execute, lacksProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = lacksControlPlane();
const main = join(import.meta.dirname, '..', 'playground', 'main.ts');
const startWithinMs = 120_000;
const isReady = /# Ctrl-C here ends it/;
/** etcd, API server, controller manager, operator, two agents. */
const processCount = 6;

test('a playground', { skip }, async (t) => {
  const { child, folder, stdout, stderr, ended } = await startPlayground(t);
  await eventually('it is ready', () => isReady.test(stdout()), startWithinMs);
  const pids = descendantsOf(child.pid);
  assert.equal(pids.length, processCount);

  await t.test('what it prints can be pasted into a shell', async () => {
    const nodes = await paste(stdout(), 'kubectl get nodes,');
    assert.match(nodes, /^node\/worker-1\s+Ready/m);
    assert.match(nodes, /^nodeagent\S*\/worker-2\s+True/m);
    assert.match(await paste(stdout(), 'kubectl apply'), /^transferjob\.smartcopy\.io\/share created$/m);
    assert.match(await paste(stdout(), 'kubectl describe'), /^Kind:\s+TransferJob$/m);
  });

  await t.test('the stream that it prints shows the progress of the job', { skip: lacksProgram('curl') }, async () => {
    const following = spawn('sh', ['-c', pasted(stdout(), 'curl -N')], { stdio: ['ignore', 'pipe', 'ignore'] });
    let heard = '';
    following.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    await eventually('an event shows bytes', () => /^event: status\ndata: .*"bytesDone":[1-9]/m.test(heard));
    following.kill();
  });

  await t.test('Ctrl-C leaves neither processes nor files behind', async () => {
    child.kill('SIGINT');

    assert.deepEqual(await ended, { status: 0, signal: null }, stderr());
    assert.match(stderr(), /nothing is left\n$/);
    assertNothingLeft(pids, folder);
  });
});

test('an operator or agent that ends is started again; without its control plane the playground ends', { skip }, async (t) => {
  const { child, folder, stdout, stderr, ended } = await startPlayground(t);
  await eventually('it is ready', () => isReady.test(stdout()), startWithinMs);
  for (const program of ['operator/src/main.ts', 'node-agent/src/agent.ts']) {
    const pid = descendantsOf(child.pid).find((one) => commandOf(one).includes(program));
    assert.ok(pid !== undefined, program);
    process.kill(pid, 'SIGKILL');
    await eventually(`${program} runs again`, () =>
      descendantsOf(child.pid).some(
        (one) => one !== pid && commandOf(one).includes(program) && descendantsOf(child.pid).length === processCount,
      ),
    );
  }
  assert.match(stderr(), /operator ended with SIGKILL; it is started again\n/);
  const pids = descendantsOf(child.pid);
  const etcd = pids.find((pid) => /(^|\/)etcd\b/.test(commandOf(pid)));
  assert.ok(etcd !== undefined);

  process.kill(etcd, 'SIGKILL');

  assert.deepEqual(await ended, { status: 1, signal: null });
  assert.match(stderr(), /etcd ended with SIGKILL; etcd said last:/);
  assertNothingLeft(pids, folder);
});

test('Ctrl-C while it starts leaves nothing behind', { skip }, async (t) => {
  const { child, folder, stderr, ended } = await startPlayground(t);
  const pids = await eventually('it has started a process', () => {
    const found = descendantsOf(child.pid);
    return found.length > 0 && found;
  });

  child.kill('SIGINT');

  assert.deepEqual(await ended, { status: 0, signal: null }, stderr());
  assertNothingLeft(pids, folder);
});

test('a playground that is killed takes its processes with it', { skip: skip || lacksProgram('setpriv') }, async (t) => {
  const { child, stdout } = await startPlayground(t);
  await eventually('it is ready', () => isReady.test(stdout()), startWithinMs);
  const pids = descendantsOf(child.pid);
  cleanUp(t, () => {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });

  child.kill('SIGKILL');

  await eventually('its processes are gone', () => pids.every((pid) => !isAlive(pid)));
});

interface Started {
  readonly child: ChildProcess;
  /** All that it may leave files in. */
  readonly folder: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

async function startPlayground(t: TestContext): Promise<Started> {
  const folder = await temporaryFolder(t);
  const environment = { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended: Started['ended'] = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
  cleanUp(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await ended;
  });
  return { child, folder, stdout: () => output.stdout, stderr: () => output.stderr, ended };
}

/** The exports and one line of what was printed, for a shell whose kubectl is the one that was brought. */
function pasted(printed: string, beginning: string): string {
  const lines = printed.split('\n');
  const line = lines.find((text) => text.startsWith(beginning));
  assert.ok(line !== undefined, `${beginning}: printed was\n${printed}`);
  const kubectl = `kubectl() { ${kubernetesProgram('kubectl')} "$@"; }`;
  // exec: a signal to the shell reaches the program.
  return [...lines.filter((text) => text.startsWith('export ')), kubectl, line.replace(/^curl/, 'exec curl')].join('\n');
}

async function paste(printed: string, beginning: string): Promise<string> {
  return await execute('sh', ['-c', pasted(printed, beginning)]);
}

function assertNothingLeft(pids: readonly number[], folder: string): void {
  for (const pid of pids) assert.ok(!isAlive(pid), `${commandOf(pid)} is gone`);
  assert.deepEqual(readdirSync(folder), []);
}

function isAlive(pid: number): boolean {
  return /^State:\s+[^Z]/m.test(textOf(`/proc/${pid}/status`));
}

function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`).split('\0').join(' ');
}

/** The processes that a process has started and that still run, with those that they have started. */
function descendantsOf(pid: number | undefined): readonly number[] {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Of a file in /proc: empty when its process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
