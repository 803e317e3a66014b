import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../support/programs.ts';
import { folderOfPrograms, programsOfTheSetUp } from './folder-of-programs.ts';
import { type Clone, type Ended, launch, start, throwAwayClone } from './throw-away-clone.ts';

const kubernetes = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
const names = 'etcd, kube-apiserver, kube-controller-manager and kubectl';
const advice = 'or set KUBEBUILDER_ASSETS to a folder that holds them';

test('the programs of a control plane', async (t) => {
  const clone = withoutAssets(await throwAwayClone(t));
  const brought = join(clone.folder, 'node_modules', '.smartcopy-programs', 'kubernetes');
  const buildTools = ['g++', 'clang++', 'cmake', 'ninja', 'make'].filter((name) => findProgram(name) !== undefined);
  const bareTools = await folderOfPrograms(clone, [...programsOfTheSetUp, ...buildTools]);

  await t.test('a launch does not bring them', async () => {
    const launched = await launch(clone);

    assert.equal(launched.status, 0, launched.stderr);
    assert.doesNotMatch(launched.stderr, /etcd|kube|Go/);
    assert.ok(!existsSync(brought));
    assert.deepEqual(await kubernetesBuilds(clone), []);
  });

  await t.test('KUBEBUILDER_ASSETS is where they are taken from', async () => {
    const assets = await folderOfStandIns(clone, kubernetes);

    const ended = await withCluster(clone, { KUBEBUILDER_ASSETS: assets, PATH: bareTools });

    assert.deepEqual(ended, { status: 0, stdout: 'ready\n', stderr: '' });
    for (const name of kubernetes) assert.equal(await readlink(join(brought, name)), join(assets, name));
  });

  await t.test('KUBEBUILDER_ASSETS that lacks some is refused, and nothing is built instead', async () => {
    const assets = await folderOfStandIns(clone, ['etcd', 'kube-apiserver', 'kubectl']);

    const ended = await withCluster(clone, { KUBEBUILDER_ASSETS: assets });

    const sentence = `KUBEBUILDER_ASSETS is set to ${assets}, which holds no kube-controller-manager: add what is missing, or unset it to have ${names} built`;
    assert.deepEqual(ended, { status: 1, stdout: '', stderr: `smartcopy: ${sentence}\n` });
  });

  await t.test('PATH is where they are taken from when it has all of them', async () => {
    const folder = await folderOfStandIns(clone, kubernetes);

    const ended = await withCluster(clone, { PATH: [folder, bareTools].join(delimiter) });

    assert.deepEqual(ended, { status: 0, stdout: 'ready\n', stderr: '' });
    for (const name of kubernetes) assert.equal(await readlink(join(brought, name)), join(folder, name));
  });

  await t.test('a host without Go is told so in one sentence, also when PATH has one of the programs', async () => {
    const kubectlAlone = await folderOfStandIns(clone, ['kubectl']);

    const ended = await withCluster(clone, { PATH: [kubectlAlone, bareTools].join(delimiter) });

    const sentence = `${names} cannot be built, for this host has no Go: install Go 1.25 or newer, ${advice}`;
    assert.deepEqual(ended, { status: 1, stdout: '', stderr: `smartcopy: ${sentence}\n` });
  });

  await t.test('a host whose Go is too old is told which one it has', async () => {
    const oldGo = await folderOfScript(clone, 'go', 'echo go version go1.19.8 linux/amd64');

    const ended = await withCluster(clone, { PATH: [oldGo, bareTools].join(delimiter) });

    const sentence = `${names} cannot be built, for this host has Go 1.19: install Go 1.25 or newer, ${advice}`;
    assert.deepEqual(ended, { status: 1, stdout: '', stderr: `smartcopy: ${sentence}\n` });
  });

  await t.test('a build that fails is named with what Go said, and leaves nothing in the cache', async () => {
    const brokenGo = await folderOfScript(
      clone,
      'go',
      'case $1 in version) echo go version go1.99.0 linux/amd64 ;; list) echo one ;; *) echo "main.go:7: syntax error" >&2; exit 1 ;; esac',
    );

    const ended = await withCluster(clone, { PATH: [brokenGo, bareTools].join(delimiter) });

    assert.equal(ended.status, 1);
    assert.match(ended.stderr, /^main\.go:7: syntax error$/m);
    assert.match(ended.stderr, new RegExp(`^smartcopy: ${names} could not be built \\(.*all it said is in .*\\.log\\)$`, 'm'));
    assert.deepEqual(await kubernetesBuilds(clone), []);
  });

  await t.test('the set-up of tests goes on without them and leaves the reason to the tests that are skipped', async () => {
    const assets = await folderOfStandIns(clone, kubernetes);
    const first = await run(clone, '--with-tests', { KUBEBUILDER_ASSETS: assets }); // It builds what only the whole PATH can build.
    assert.equal(first.status, 0, first.stderr);
    assert.deepEqual((await readdir(brought)).sort(), kubernetes);

    const ended = await run(clone, '--with-tests', { PATH: bareTools });

    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(ended.stdout, 'ready\n');
    const sentence = `${names} cannot be built, for this host has no Go: install Go 1.25 or newer, ${advice}`;
    assert.ok(ended.stderr.includes(`smartcopy: ${sentence}; the tests that need them will be skipped\n`), ended.stderr);
    assert.deepEqual(await readdir(brought), ['lacking']);
    assert.equal(await readFile(join(brought, 'lacking'), 'utf8'), sentence);
  });
});

test('the programs that benchmarks compare with', async (t) => {
  const clone = await throwAwayClone(t);
  const launched = await launch(clone); // It builds what only the whole PATH can build.
  assert.equal(launched.status, 0, launched.stderr);
  const brought = join(clone.folder, 'node_modules', '.smartcopy-programs');
  const buildTools = ['g++', 'clang++', 'cmake', 'ninja', 'make'].filter((name) => findProgram(name) !== undefined);
  const onlyPath = await folderOfPrograms(clone, [...programsOfTheSetUp, ...buildTools]);
  const standIns = await folderOfStandIns(clone, ['rsync', 'rclone', 'parallel', 'fpsync', 'fpart', 'xxhsum', 'b3sum', 'openssl', 'time']);
  const tests = await folderOfStandIns(clone, ['mkfs.xfs', 'mkfs.btrfs', 'mkfs.ext4', 'losetup', 'setpriv', 'strace']);

  await t.test("the host's own are taken; what needs cargo is named where there is none, and the rest goes on", async () => {
    const ended = await run(clone, '--with-bench', { PATH: [standIns, tests, onlyPath].join(delimiter) });

    assert.deepEqual([ended.status, ended.stdout], [0, 'ready\n'], ended.stderr);
    for (const name of ['rsync', 'rclone', 'b3sum']) assert.equal(await readlink(join(brought, name, name)), join(standIns, name));
    assert.deepEqual((await readdir(join(brought, 'fpsync'))).sort(), ['fpart', 'fpsync']);
    const sentence = 'cpz cannot be built, for this host has no cargo: install Rust';
    assert.ok(ended.stderr.includes(`smartcopy: ${sentence}; there will be no comparison with it\n`), ended.stderr);
    assert.equal(await readFile(join(brought, 'cpz', 'lacking'), 'utf8'), sentence);
  });

  await t.test('cargo builds exactly the version that is compared, once', async () => {
    const script =
      'echo "$@" >>"$(dirname "$0")/said"; while [ "$1" != --root ]; do shift; done; mkdir -p "$2/bin"; touch "$2/bin/$(echo "$3" | cut -d@ -f1)"';
    const cargo = await folderOfScript(clone, 'cargo', script);
    const environment = { PATH: [cargo, standIns, tests, onlyPath, '/usr/bin', '/bin'].join(delimiter) };

    const first = await run(clone, '--with-bench', environment);
    const second = await run(clone, '--with-bench', environment);

    assert.deepEqual([first.status, second.status], [0, 0], first.stderr);
    const said = (await readFile(join(cargo, 'said'), 'utf8')).trimEnd().split('\n');
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /^install --locked --root .*\/tmp\/make-\w+\/cpz-3\.2\.1-\w+ cpz@3\.2\.1$/);
    assert.match(await readlink(join(brought, 'xcp', 'xcp')), /\/builds\/xcp-0\.24\.9-\w+\/bin\/xcp$/);
    assert.doesNotMatch(second.stderr, /building/);
  });
});

async function withCluster(clone: Clone, environment: NodeJS.ProcessEnv): Promise<Ended> {
  return await run(clone, '--with-cluster', environment);
}

async function run(clone: Clone, goal: '--with-cluster' | '--with-tests' | '--with-bench', environment: NodeJS.ProcessEnv): Promise<Ended> {
  const place = { ...clone, environment: { ...clone.environment, ...environment } };
  return await start(['toolchain/run', goal, 'sh', '-c', 'echo ready'], place).ended;
}

async function kubernetesBuilds({ environment }: Clone): Promise<readonly string[]> {
  const builds = await readdir(join(environment.XDG_CACHE_HOME ?? '', 'smartcopy', 'builds'));
  return builds.filter((name) => name.startsWith('kubernetes'));
}

/** Whoever runs the tests may have set it. */
function withoutAssets(clone: Clone): Clone {
  const { KUBEBUILDER_ASSETS, ...environment } = clone.environment;
  return { ...clone, environment };
}

/** A folder with programs of these names, which nothing starts. */
async function folderOfStandIns(clone: Clone, programs: readonly string[]): Promise<string> {
  const folder = await emptyFolder(clone);
  for (const name of programs) await writeScript(join(folder, name), 'exit 1');
  return folder;
}

async function folderOfScript(clone: Clone, name: string, script: string): Promise<string> {
  const folder = await emptyFolder(clone);
  await writeScript(join(folder, name), script);
  return folder;
}

async function emptyFolder(clone: Clone): Promise<string> {
  const base = join(clone.folder, '..', 'tools');
  await mkdir(base, { recursive: true });
  return await mkdtemp(join(base, 'programs-'));
}

async function writeScript(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}
