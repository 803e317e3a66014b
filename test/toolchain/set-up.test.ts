import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { z } from 'zod';
import { eventually } from '../support/eventually.ts';
import { folderOfPrograms, programsOfTheSetUp } from './folder-of-programs.ts';
import { digestsOfNothing, type Ended, launch, start, throwAwayClone } from './throw-away-clone.ts';

const said = z.object({
  pid: z.number(),
  node: z.string(),
  folder: z.string(),
  commandLine: z.string(),
  addon: z.object({ blake3: z.number(), xxh3: z.number() }),
});

/** What the command line of the throw-away clone printed. */
function whatWasSaid({ status, stdout, stderr }: Ended): z.infer<typeof said> {
  assert.equal(status, 0, stderr);
  return said.parse(JSON.parse(stdout));
}

test('a clone that was never set up', async (t) => {
  const clone = await throwAwayClone(t, ['npm', 'sources']); // its Node, when the host's does not fit, is installed anew

  await t.test('two first launches at once both succeed: one sets up, the other waits for it', async () => {
    const launches = await Promise.all([launch(clone), launch(clone)]);

    for (const ended of launches) assert.deepEqual(whatWasSaid(ended).addon, digestsOfNothing);
    const errors = launches.map(({ stderr }) => stderr);
    assert.equal(errors.filter((text) => text.includes('another set-up is running; waiting for it to end')).length, 1);
    assert.equal(errors.filter((text) => text.includes('installing npm packages')).length, 1);
    assert.equal(errors.filter((text) => text.includes('building the engine')).length, 1);
  });

  await t.test('later launches are silent, need neither npm nor a compiler, and pass everything through', async () => {
    const tools = await folderOfPrograms(clone, ['sh', 'find', 'sort', 'xargs', 'sha256sum', 'stat', 'readlink', 'env']);
    const link = join(clone.folder, '..', 'linked');
    await symlink('clone/smartcopy', link);
    const elsewhere = await realpath(join(clone.folder, '..', 'cache'));

    const script = 'exec "$0" "$(printf "a\\377b")" "" -- --x';
    const running = start(['/bin/sh', '-c', script, link], { folder: elsewhere, environment: { PATH: tools } });
    const ended = await running.ended;

    assert.equal(ended.stderr, '');
    const { pid, folder, commandLine } = whatWasSaid(ended);
    assert.equal(folder, elsewhere);
    assert.equal(pid, running.child.pid, 'a signal to the launcher reaches the program, for they are one process');
    const bytes = Buffer.from(commandLine, 'hex').toString('latin1').split('\0');
    assert.deepEqual(bytes.slice(2), ['a\xffb', '', '--', '--x', '']);
  });

  await t.test('an edit is built by the next launch whatever its time says; earlier content comes from the cache', async () => {
    const source = join(clone.folder, 'native/src/engine/digests.cc');
    const text = await readFile(source, 'utf8');
    await writeFile(source, text.replace('digest[0]', 'digest[1]'));
    await utimes(source, 1, 1);
    const edited = await launch(clone);
    assert.match(edited.stderr, /^smartcopy: building the engine \.\.\. \d+\.\d s\n$/);
    assert.notEqual(whatWasSaid(edited).addon.blake3, digestsOfNothing.blake3);

    await writeFile(source, text);
    const restored = await launch(clone);
    assert.equal(restored.stderr, '');
    assert.deepEqual(whatWasSaid(restored).addon, digestsOfNothing);
  });

  await t.test('a set-up removes what none has used for a month, and what a killed one left half made', async () => {
    const cache = join(clone.environment.XDG_CACHE_HOME ?? '', 'smartcopy');
    const monthAgo = Date.now() / 1000 - 31 * 24 * 60 * 60;
    for (const name of ['builds/release-old', 'builds/release-recent', 'tmp/make-x']) await mkdir(join(cache, name), { recursive: true });
    await utimes(join(cache, 'builds/release-old'), monthAgo, monthAgo);
    await rm(join(clone.folder, 'node_modules/.smartcopy-ready'));

    assert.equal((await launch(clone)).status, 0);

    const builds = await readdir(join(cache, 'builds'));
    assert.ok(!builds.includes('release-old'));
    assert.ok(builds.includes('release-recent'));
    assert.ok(!existsSync(join(cache, 'tmp')));
  });

  await t.test('toolchain/run puts the chosen Node first in PATH and takes on the status of its command', async () => {
    const { node } = whatWasSaid(await launch(clone));

    const ended = await start(['toolchain/run', 'node', '-e', 'console.log(process.execPath); process.exitCode = 7'], clone).ended;

    assert.deepEqual(ended, { status: 7, stdout: `${node}\n`, stderr: '' });
  });
});

test('two caches do not set up one clone at the same time', async (t) => {
  const clone = await throwAwayClone(t);
  const otherCache = join(clone.folder, '..', 'other-cache', 'smartcopy');
  await mkdir(otherCache, { recursive: true });
  for (const kind of ['npm', 'node', 'sources']) await symlink(join('..', '..', 'cache', 'smartcopy', kind), join(otherCache, kind));
  const other = { ...clone, environment: { ...clone.environment, XDG_CACHE_HOME: join(otherCache, '..') } };

  const first = start(['./smartcopy'], clone);
  await first.says('installing npm packages');
  const second = await launch(other);

  assert.match(second.stderr, /another set-up is running; waiting for it to end/);
  assert.deepEqual(whatWasSaid(second).addon, digestsOfNothing);
  assert.doesNotMatch(second.stderr, /installing npm packages/);
  assert.deepEqual(whatWasSaid(await first.ended).addon, digestsOfNothing);
});

test('a set-up that was killed anywhere is completed by the next launch', async (t) => {
  const clone = await throwAwayClone(t);

  // The script and the set-up die; npm, their child, goes on alone: the next launch must not run a second npm beside it.
  const first = start(['./smartcopy'], clone);
  await first.says('installing npm packages');
  await eventually('npm makes node_modules', () => existsSync(join(clone.folder, 'node_modules')));
  assert.ok(first.child.pid !== undefined);
  for (const pid of [first.child.pid, ...(await childrenOf(first.child.pid))]) process.kill(pid, 'SIGKILL');

  // Then everything dies in the middle of compiling.
  const second = start(['./smartcopy'], clone);
  await second.says('another set-up is running; waiting for it to end');
  await second.says('building the engine');
  const log = join(clone.environment.XDG_CACHE_HOME ?? '', 'smartcopy', 'logs', 'build-release.log');
  await eventually('the compiler makes an object', () => existsSync(log) && readFileSync(log, 'utf8').includes('Building C'));
  assert.ok(second.child.pid !== undefined);
  process.kill(-second.child.pid, 'SIGKILL');
  await second.ended;

  // Ninja's compilers are in process groups of their own: the third launch may have to wait for their last words.
  const third = await launch(clone);
  const built = /^(smartcopy: another set-up is running; waiting for it to end\n)?smartcopy: building the engine \.\.\. \d+\.\d s\n$/;
  assert.match(third.stderr, built, 'the packages were complete, the build was not');
  assert.deepEqual(whatWasSaid(third).addon, digestsOfNothing);
  const left = await readdir(join(clone.environment.XDG_CACHE_HOME ?? '', 'smartcopy', 'builds'));
  assert.equal(left.length, 1);
});

test('a host without a compiler is told in one sentence what to install', async (t) => {
  const clone = await throwAwayClone(t);
  const tools = await folderOfPrograms(clone, [...programsOfTheSetUp, 'ninja']);

  const ended = await launch({ ...clone, environment: { ...clone.environment, PATH: tools } });

  assert.equal(ended.status, 1);
  assert.equal(ended.stdout, '');
  assert.equal(
    ended.stderr,
    'smartcopy: building the engine needs a C++20 compiler (g++ or clang++) and CMake: install both with your package manager\n',
  );
});

test('a registry that cannot be reached is named with what npm said, without a stack trace', async (t) => {
  const clone = await throwAwayClone(t);
  const environment = { ...clone.environment, npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' };
  const cache = join(clone.folder, '..', 'empty-cache');

  const ended = await launch({ ...clone, environment: { ...environment, XDG_CACHE_HOME: cache } });

  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /ECONNREFUSED/);
  assert.match(ended.stderr, /^smartcopy: .*is the registry reachable\?.*all it said is in .*\.log\)$/m);
  assert.doesNotMatch(ended.stderr, /^(npm error)?\s+at /m);
});

/** The processes that a process has started and that still run. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
