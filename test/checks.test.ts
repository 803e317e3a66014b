import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify, stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

/** Checks of the source itself, as tests, so that one run and one count say everything. */
const repository = join(import.meta.dirname, '..');
const execute = promisify(execFile);
/** What is shown of a program that found something: one finding is often the cause of the next. */
const shownLines = 60;

test('every file is formatted and free of lint', () => check('biome', ['ci', '--error-on-warnings', '.']));

test('the types hold', () => check('tsc', []));

test('nothing is dead: every file, export and dependency is used', () => check('knip', ['--no-config-hints']));

test('generated files are fresh', () => run(process.execPath, ['crds/src/generate.ts', '--check']));

test('C++ is formatted', async () => {
  const sources = await filesBelow(['native/src', 'native/test', 'native/fuzz'], /\.(cc|h|inc)$/);
  assert.ok(sources.length > 0);
  await check('clang-format', ['--dry-run', '-Werror', ...sources]);
});

test('dependencies have exact versions', async () => {
  const dependencies = z.record(z.string(), z.string()).default({});
  const schema = z.object({ dependencies, devDependencies: dependencies, optionalDependencies: dependencies });
  for (const file of await filesBelow(['.'], /(^|\/)package\.json$/)) {
    const { dependencies, devDependencies, optionalDependencies } = schema.parse(
      JSON.parse(await readFile(join(repository, file), 'utf8')),
    );
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${file}: ${name}`);
    }
  }
});

test('lock files name no place to download from', async () => {
  const schema = z.object({ packages: z.record(z.string(), z.object({ link: z.boolean().optional(), resolved: z.string().optional() })) });
  for (const file of await filesBelow(['.'], /(^|\/)package-lock\.json$/)) {
    const { packages } = schema.parse(JSON.parse(await readFile(join(repository, file), 'utf8')));
    const named = Object.entries(packages).filter(([, { link, resolved }]) => link !== true && resolved !== undefined);
    assert.deepEqual(named, [], file);
  }
});

test('what the docs name of the repository exists', async () => {
  /** What the set-up and the example make. */
  const made = /^(native\/build|examples\/data)/;
  const named = /`((?:crds|docs|examples|native|node-agent|operator|test|toolchain)\/[\w./-]+)`/g;
  for (const page of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...(await filesBelow(['docs'], /\.md$/))]) {
    const text = await readFile(join(repository, page), 'utf8');
    const missing = [...text.matchAll(named)]
      .map(([, path = '']) => path)
      .filter((path) => !made.test(path) && !existsSync(join(repository, path)));
    assert.deepEqual(missing, [], page);
  }
});

/** Runs a program of node_modules. */
async function check(program: string, programArguments: readonly string[]): Promise<void> {
  await run(join(repository, 'node_modules', '.bin', program), programArguments);
}

/** Fails with what the program said, and nothing else. */
async function run(program: string, programArguments: readonly string[]): Promise<void> {
  try {
    await execute(program, programArguments, { cwd: repository, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout, stderr } = z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
    const lines = stripVTControlCharacters(`${stdout}${stderr}`).split('\n');
    const rest = lines.length > shownLines ? `\n... and ${lines.length - shownLines} lines more` : '';
    assert.fail(`${program} found something:\n${lines.slice(0, shownLines).join('\n')}${rest}`);
  }
}

/** Files of the repository, relative to it. */
async function filesBelow(folders: readonly string[], pattern: RegExp): Promise<readonly string[]> {
  const found = await Promise.all(folders.map(async (folder) => (await walk(folder)).filter((file) => pattern.test(file))));
  return found.flat();
}

async function walk(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(repository, folder), { withFileTypes: true });
  const ours = entries.filter(({ name }) => !['.git', 'build', 'node_modules'].includes(name));
  const files = ours.map(async (entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));
  return (await Promise.all(files)).flat();
}
