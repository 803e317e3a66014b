import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { eventually } from '../../../test/support/eventually.ts';
import { neededBytes, planBenchmark } from '../../src/benchmark/measurements.ts';
import { mainPath, runCli, startCli, startProgram, temporaryDirectory } from './run-cli.ts';

const measurement = z.object({
  name: z.string(),
  seconds: z.number().positive().optional(),
  bytes: z.int().positive().optional(),
  bytesPerSecond: z.int().positive().optional(),
  absent: z.string().optional(),
});

test('a benchmark measures everything, and leaves the directory as it was', async (t) => {
  const top = temporaryDirectory(t);
  writeFileSync(join(top, 'mine'), 'untouched');
  const { status, stdout, stderr } = await runCli(['benchmark', top, '--size', '8M', '--json']);
  assert.equal(status, 0, stderr);
  const { measurements } = z.object({ sizeBytes: z.literal(8 * 1024 ** 2), measurements: z.array(measurement) }).parse(JSON.parse(stdout));
  for (const name of [
    /^memory copy/,
    /^write, seq/,
    /^read again/,
    /^write, O_DIRECT/,
    /^read, O_DIRECT/,
    /^copy of one/,
    /durable/,
    /read back/,
    /^copy of 204 files/,
    /XXH3, one/,
    /BLAKE3/,
  ]) {
    const found = measurements.find((candidate) => name.test(candidate.name));
    assert.ok(found !== undefined, String(name));
    const { seconds, bytes, bytesPerSecond, absent } = found;
    assert.ok((absent === undefined) === (bytesPerSecond !== undefined), found.name);
    const wasTimed = absent === undefined && !found.name.startsWith('digest');
    assert.deepEqual([seconds !== undefined, bytes !== undefined], [wasTimed, wasTimed], `${found.name}: no figure is made up`);
  }
  assert.deepEqual(readdirSync(top), ['mine']);
});

test('a table at the end says each figure once', async (t) => {
  const { status, stdout, stderr } = await runCli(['benchmark', temporaryDirectory(t), '--size', '1M']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^memory copy, one thread +\d/);
  assert.match(stdout, /^copy of 100 files of 4 KiB +[\d,]+ files\/s, .* % of the memory copy$/m);
  assert.equal(stderr, '');
});

// `script` gives the command a terminal for all of its streams.
test('a person at a terminal sees a line for each as it is measured', async (t) => {
  const command = `'${process.execPath}' '${mainPath}' benchmark '${temporaryDirectory(t)}' --size 1M > /dev/null`;
  const { status, stdout } = await startProgram('script', ['-qec', command, '/dev/null']).result;
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^smartcopy: write, sequential: /m);
});

test('Ctrl-C ends a benchmark and removes its folder', async (t) => {
  const top = temporaryDirectory(t);
  const { process: child, result } = startCli(['benchmark', top, '--size', '2G']);
  await eventually('its folder', () => readdirSync(top).length > 0);
  child.kill('SIGINT');
  assert.equal((await result).status, 130);
  assert.deepEqual(readdirSync(top), []);
});

test('with --json an interrupted benchmark has a document too, of what it had measured', async (t) => {
  const top = temporaryDirectory(t);
  const { process: child, result } = startCli(['benchmark', top, '--json', '--size', '2G']);
  await eventually('its large file', () => readdirSync(top, { recursive: true }).some((path) => String(path).endsWith('/large')));
  child.kill('SIGINT');
  const { status, stdout } = await result;
  assert.equal(status, 130);
  const document = z.object({ cancelled: z.literal(true), measurements: z.array(measurement) }).parse(JSON.parse(stdout));
  assert.match(document.measurements[0]?.name ?? '', /^memory copy/);
});

test('with --json bad input has a document of a reason and a sentence', async (t) => {
  const { status, stdout } = await runCli(['benchmark', '--json', join(temporaryDirectory(t), 'missing')]);
  assert.equal(status, 2);
  const document = z.strictObject({ reason: z.literal('InvalidInput'), message: z.string() }).parse(JSON.parse(stdout));
  assert.match(document.message, /is not a directory/);
});

test('what cannot be measured is said before anything is written', async (t) => {
  const top = temporaryDirectory(t);
  const huge = await runCli(['benchmark', top, '--size', '1T']);
  assert.equal(huge.status, 2);
  assert.match(huge.stderr, /are needed; choose a smaller --size/);
  assert.equal((await runCli(['benchmark', join(top, 'missing')])).status, 2);
  assert.equal((await runCli(['benchmark', '/proc'])).status, 2);
  assert.match((await runCli(['benchmark', top, '--size', '12'])).stderr, /--size takes 1M to 1T/);
  assert.deepEqual(readdirSync(top), []);
});

test('small files take a fifth of what is needed at most', () => {
  for (const size of [1024 ** 2, 1024 ** 3, 1024 ** 4]) {
    const plan = planBenchmark(size);
    assert.ok(plan.smallFileCount >= 100 && plan.smallFileCount <= 20_000);
    assert.ok(neededBytes(plan) >= 2 * size);
  }
});
