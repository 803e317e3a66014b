import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type CliRun, mainPath, runShell, startCli, startProgram, temporaryDirectory } from './run-cli.ts';

const MiB = 1024 ** 2;

/** A copy that takes many seconds under a limit, with a small file that is finished at once. */
async function startSlowCopy(t: TestContext, options: readonly string[] = []): Promise<{ readonly top: string; readonly run: CliRun }> {
  const top = temporaryDirectory(t);
  mkdirSync(join(top, 'src'));
  writeFileSync(join(top, 'src/a-small'), 'small');
  writeFileSync(join(top, 'src/big'), randomBytes(40 * MiB));
  const run = startCli(['-t', '1', '--bandwidth-limit', '2M', ...options, 'src', 'dst'], top);
  t.after(() => run.process.kill('SIGKILL'));
  await until(() => readdirSync(top).includes('dst') && readdirSync(join(top, 'dst')).length >= 2);
  return { top, run };
}

/** Waits for what must happen within ten seconds. */
async function until(happened: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!happened()) {
    assert.ok(performance.now() < deadline, 'it did not happen within 10 s');
    await wait(20);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends with 130, keeps what is finished and removes what is not`, async (t) => {
    const { top, run } = await startSlowCopy(t, ['--json']);
    const sentAt = performance.now();
    run.process.kill(signal);
    const { status, stdout, stderr } = await run.result;
    assert.equal(status, 130);
    assert.ok(performance.now() - sentAt < 2_000, 'it took longer than two seconds to end');
    assert.match(stderr, /^smartcopy: ending; what is finished is kept/m);
    assert.match(stderr, /^smartcopy: interrupted, what was finished is kept: /m);
    const document = JSON.parse(stdout);
    assert.equal(document.phase, 'Failed');
    assert.equal(document.progress.filesDone, 1);
    assert.deepEqual(readdirSync(join(top, 'dst')), ['a-small']);
    assert.equal(readFileSync(join(top, 'dst/a-small'), 'utf8'), 'small');
  });
}

/** Sends the process a signal when it comes to load a module: the same moment in every run. */
function signalAtLoading(module: string, signal: NodeJS.Signals): string {
  return `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === '${module}') process.kill(process.pid, '${signal}');
        return next(specifier, context);
      },
    });
  `)}`;
}

const earlyMoments: readonly (readonly [module: string, signal: NodeJS.Signals, command: readonly string[]])[] = [
  ['commander', 'SIGTERM', ['--json', '--digests', 'digests', 'src', 'dst']],
  ['./copy.ts', 'SIGINT', ['--json', '--digests', 'digests', 'src', 'dst']],
  ['../engine/local-paths.ts', 'SIGTERM', ['--json', '--digests', 'digests', 'src', 'dst']],
  ['commander', 'SIGINT', ['run', '--json', 'job.yaml']],
  ['yaml', 'SIGTERM', ['run', '--json', 'job.yaml']],
];
for (const [module, signal, command] of earlyMoments) {
  test(`${signal} while smartcopy ${command.join(' ')} loads ${module} ends with 130 and one document, and nothing begun`, async (t) => {
    const top = temporaryDirectory(t);
    writeFileSync(join(top, 'src'), 'x');
    writeFileSync(join(top, 'digests'), 'of another copy');
    const end = '{ nodePath: { root: here, nodeName: any, path: ';
    const job = `{ apiVersion: smartcopy.io/v1alpha1, kind: TransferJob, metadata: { name: one }, spec: { source: ${end}src } }, destination: ${end}dst } } } }`;
    writeFileSync(join(top, 'job.yaml'), job);
    writeFileSync(join(top, 'smartcopy.yaml'), 'roots: { here: . }');
    const { status, stdout } = await startProgram(
      process.execPath,
      ['--import', signalAtLoading(module, signal), mainPath, ...command],
      top,
    ).result;
    assert.equal(status, 130);
    assert.equal(JSON.parse(stdout).conditions[0].reason, 'Interrupted');
    assert.deepEqual(readdirSync(top).sort(), ['digests', 'job.yaml', 'smartcopy.yaml', 'src']);
    assert.equal(readFileSync(join(top, 'digests'), 'utf8'), 'of another copy');
  });
}

/** Whether the process listens for SIGTERM, as the kernel sees it: proc_pid_status(5). */
function catchesSigterm({ process: { pid } }: CliRun): boolean {
  const [, caught = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals.SIGTERM - 1))) !== 0n;
}

for (const command of ['--digests fifo src dst', 'run fifo']) {
  test(`smartcopy ${command} can be ended while nobody is at the other end of the FIFO`, { timeout: 20_000 }, async (t) => {
    const top = temporaryDirectory(t);
    writeFileSync(join(top, 'src'), 'x');
    await runShell('mkfifo fifo', top);
    const run = startCli(command.split(' '), top);
    t.after(() => run.process.kill('SIGKILL'));
    await until(() => catchesSigterm(run));
    await until(() => !catchesSigterm(run));
    run.process.kill('SIGTERM');
    assert.equal((await run.result).signal, 'SIGTERM');
  });
}

test('an old file survives an interrupted copy over it', async (t) => {
  const top = temporaryDirectory(t);
  writeFileSync(join(top, 'src'), randomBytes(40 * MiB));
  writeFileSync(join(top, 'dst'), 'old');
  const run = startCli(['--bandwidth-limit', '2M', 'src', 'dst'], top);
  await until(() => readdirSync(top).some((name) => name.startsWith('.smartcopy-')));
  run.process.kill('SIGINT');
  assert.equal((await run.result).status, 130);
  assert.deepEqual(readdirSync(top).sort(), ['dst', 'src']);
  assert.equal(readFileSync(join(top, 'dst'), 'utf8'), 'old');
});

test('a second signal changes nothing about the answer', async (t) => {
  const { run } = await startSlowCopy(t, ['--json']);
  run.process.kill('SIGINT');
  run.process.kill('SIGTERM');
  const { status, stdout } = await run.result;
  assert.equal(status, 130);
  assert.equal(JSON.parse(stdout).phase, 'Failed');
});

test('-p prints lines where stderr is no terminal', async (t) => {
  const { run } = await startSlowCopy(t, ['-p']);
  await wait(1_500);
  run.process.kill('SIGINT');
  const { stderr } = await run.result;
  assert.match(stderr, /^smartcopy: \d+%, \d.* of 40\.0 MiB, \d.*\/s, ETA \d+s, 1 of 2 files$/m);
  assert.ok(!stderr.includes('\r') && !stderr.includes('\x1b'));
});

test('a copy goes on when nobody reads its messages any more', async (t) => {
  const top = temporaryDirectory(t);
  mkdirSync(join(top, 'src'));
  for (let index = 0; index < 50; index += 1) {
    writeFileSync(join(top, `src/${index}`), 'x');
    mkdirSync(join(top, `dst/${index}/in-the-way`), { recursive: true });
  }
  writeFileSync(join(top, 'src/last'), 'y');
  // The reader's end is closed long before the first message.
  await runShell('{ $smartcopy --json src dst >document; echo $? >status; } 2>&1 | { exec 0<&-; sleep 0.01; }', top);
  assert.equal(readFileSync(join(top, 'status'), 'utf8'), '1\n');
  assert.equal(statSync(join(top, 'dst/last')).size, 1);
  assert.equal(JSON.parse(readFileSync(join(top, 'document'), 'utf8')).progress.filesFailed, 50);
});

test('the bandwidth limit holds', async (t) => {
  const top = temporaryDirectory(t);
  writeFileSync(join(top, 'src'), randomBytes(6 * MiB));
  const { stdout, status } = await startCli(['--json', '--bandwidth-limit', '4M', 'src', 'dst'], top).result;
  assert.equal(status, 0);
  const { bytesPerSecond } = JSON.parse(stdout).progress;
  assert.ok(bytesPerSecond < 5 * MiB && bytesPerSecond > 2 * MiB, `${bytesPerSecond / MiB} MiB/s`);
});
