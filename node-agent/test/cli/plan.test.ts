import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliResult, runCli, temporaryDirectory } from './run-cli.ts';

async function copyWith(t: TestContext, given: readonly string[]): Promise<CliResult> {
  const top = temporaryDirectory(t);
  writeFileSync(join(top, 'source'), 'content');
  const result = await runCli([...given, join(top, 'source'), join(top, 'copy')]);
  assert.equal(result.status, 0, result.stderr);
  assert.equal(readFileSync(join(top, 'copy'), 'utf8'), 'content');
  return result;
}

test('--network-optimized has larger buffers and more threads, and says so', async (t) => {
  const { stderr } = await copyWith(t, ['-v', '--network-optimized']);
  assert.match(stderr, /^smartcopy: from .*, treated as network to .*, treated as network$/m);
  const [, threads, bytes] = /(\d+) threads, buffers of (\S+ \S+);/.exec(stderr) ?? [];
  assert.ok(Number(threads) >= 8, threads);
  assert.equal(bytes, '4.0 MiB');
});

test('--numa off is heeded, and without it one memory node is said to need nothing', async (t) => {
  assert.match((await copyWith(t, ['-v', '--numa', 'off'])).stderr, /^smartcopy: NUMA placement is switched off$/m);
  assert.match((await copyWith(t, ['-v'])).stderr, /^smartcopy: (one memory node: nothing is pinned|.*node.*)$/m);
});

test('more buffers than an eighth of the memory are fewer, and that is said', async (t) => {
  const { stderr } = await copyWith(t, ['-t', '256', '-b', '1G']);
  assert.match(
    stderr,
    /^smartcopy: 256 threads with buffers of 1,073,741,824 bytes would take more than an eighth of the memory: \d+ with [\d,]+ are used$/m,
  );
  assert.doesNotMatch((await copyWith(t, ['-q', '-t', '256', '-b', '1G'])).stderr, /eighth/);
});
