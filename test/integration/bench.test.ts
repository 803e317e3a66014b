import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cells } from '../bench/cells.ts';
import { lacksProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const execute = promisify(execFile);
const main = join(import.meta.dirname, '..', 'bench', 'main.ts');

const results = z.object({
  facts: z.object({ memoryRates: z.array(z.number().positive()).length(2), startSeconds: z.number().positive() }),
  rows: z.array(z.object({ cell: z.string(), against: z.string(), result: z.string(), verdict: z.string(), note: z.string() })),
});

const obstacle = process.getuid?.() === 0 ? lacksProgram('rsync', 'mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'time') : 'mounting needs root';

/** Every cell that the host's own programs can serve, with trees so small that only what is broken shows. */
test('the benchmarks copy what they should, and miss no number', { skip: obstacle }, async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'results.json');
  const { stdout } = await execute(
    process.execPath,
    [main, '--quick', '--pairs', '1', '--scale', '0.0005', '--peers', 'rsync,cp', '--one-peer', '--folder', folder, '--json', file],
    { maxBuffer: 16 * 1024 * 1024 },
  );

  const { rows } = results.parse(JSON.parse(readFileSync(file, 'utf8')));
  assert.deepEqual(
    rows.filter(({ verdict }) => verdict === 'broken'),
    [],
  );
  const measured = new Set(rows.map((row) => row.cell));
  const expected = cells.filter(({ against, unable }) =>
    [...against.map(({ peer }) => peer), ...unable].some(({ name }) => /^(rsync|cp) /.test(name)),
  );
  assert.deepEqual(
    expected.filter(({ name }) => !measured.has(name)),
    [],
  );
  assert.equal(stdout.split('\n').filter((line) => line.startsWith('| ')).length, rows.length + 2, 'a line of the table for each row');
  assert.match(stdout, /^\d+ of \d+ gates met, 0 of \d+ lines broken\./m);
});

test('a benchmark that cannot be measured fails, by name', { skip: obstacle }, async () => {
  const noDisk = ['--pairs', '1', '--scale', '0.0005', '--only', 'mixed, ext4', '--peers', 'cp', '--folder', '/proc'];
  await assert.rejects(execute(process.execPath, [main, ...noDisk]), { code: 1, stdout: /\| broken \|.*\/proc has 0\.0 GB free/ });
});
