import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { pino } from 'pino';
import { execute, lacksProgram } from '../../../test/support/programs.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { FailureLogs } from '../../src/assignments/failure-logs.ts';
import type { Failure } from '../../src/engine/run-transfer.ts';
import { silent } from './held-copies.ts';

const failure: Failure = {
  reason: 'IoError',
  errno: 'EIO',
  syscall: 'pread',
  side: 'source',
  path: Buffer.from('a\xff', 'latin1'),
  offsetBytes: 4096,
  refused: false,
};
const day = 24 * 60 * 60;

test('a failure is a line of JSON that keeps every byte of its path; attempts follow each other', async (t) => {
  const state = await temporaryFolder(t);
  const logs = new FailureLogs(state, silent);
  for (const attempt of [1, 2]) {
    const log = logs.open('shard', attempt);
    log.add([failure, { ...failure, refused: true }]);
    log.close();
  }
  const path = join(state, 'reports/shard.jsonl');
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ attempt, refused }) => [attempt, refused]),
    [
      [1, undefined],
      [1, true],
      [2, undefined],
      [2, true],
    ],
  );
  const { time, ...rest } = lines[0];
  assert.ok(Date.parse(time) > 0);
  const words = { reason: 'IoError', side: 'Source', path: 'a\\xff', pathHex: '61ff', errno: 'EIO', syscall: 'pread', offsetBytes: 4096 };
  assert.deepEqual(rest, { attempt: 1, ...words });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a file stops growing at its limit, all together at theirs, and the oldest that have ended make room', async (t) => {
  const state = await temporaryFolder(t);
  const logs = new FailureLogs(state, silent, { maxFileBytes: 1_000, maxFolderBytes: 2_500 });
  const sizeOf = (shard: string) => statSync(join(state, `reports/${shard}.jsonl`), { throwIfNoEntry: false })?.size ?? 0;
  const fill = (shard: string) => {
    const log = logs.open(shard, 1);
    for (let index = 0; index < 50; index += 1) log.add([failure]);
    return log;
  };
  fill('first').close();
  assert.ok(sizeOf('first') > 500 && sizeOf('first') <= 1_000);
  utimesSync(join(state, 'reports/first.jsonl'), 1, Date.now() / 1000 - day);
  const open = [fill('second'), fill('third')];
  assert.equal(existsSync(join(state, 'reports/first.jsonl')), false);
  assert.ok(sizeOf('second') > 500 && sizeOf('third') > 500);
  open.push(fill('fourth'));
  assert.ok(sizeOf('second') + sizeOf('third') + sizeOf('fourth') <= 2_500);
  for (const log of open) log.close();
});

test('files of a week ago go, also at the start; what is being written stays', async (t) => {
  const state = await temporaryFolder(t);
  mkdirSync(join(state, 'reports'));
  const old = join(state, 'reports/old.jsonl');
  writeFileSync(old, '{}\n');
  utimesSync(old, 1, Date.now() / 1000 - 8 * day);
  const logs = new FailureLogs(state, silent);
  assert.deepEqual(readdirSync(join(state, 'reports')), []);
  const log = logs.open('shard', 1);
  log.add([failure]);
  logs.prune(Date.now() + 8 * day * 1000);
  assert.deepEqual(readdirSync(join(state, 'reports')), ['shard.jsonl']);
  log.close();
  logs.prune(Date.now() + 8 * day * 1000);
  assert.deepEqual(readdirSync(join(state, 'reports')), []);
});

test('a line that is written in part is cut off, counted, and spoils no other', { skip: lacksProgram('prlimit') }, async (t) => {
  const state = await temporaryFolder(t);
  const lines: { readonly msg: string; readonly lostCount?: number }[] = [];
  const log = new FailureLogs(state, pino({ base: null }, { write: (line) => lines.push(JSON.parse(line)) })).open('shard', 1);
  const limitFiles = (bytes: number | 'unlimited') => execute('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
  log.add([failure]);
  const path = join(state, 'reports/shard.jsonl');
  await limitFiles(statSync(path).size + 50);
  try {
    log.add([failure]);
  } finally {
    await limitFiles('unlimited');
  }
  log.add([failure]);
  log.close();
  const whole = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    whole.map((line) => JSON.parse(line).reason),
    ['IoError', 'IoError'],
  );
  assert.deepEqual(
    lines.map(({ msg, lostCount }) => [msg, lostCount]),
    [
      ['report file incomplete', undefined],
      ['failures missing from report file', 1],
    ],
  );
});

test('a report that cannot be written never ends a copy', async (t) => {
  const state = await temporaryFolder(t);
  const logs = new FailureLogs(state, silent);
  mkdirSync(join(state, 'reports/shard.jsonl'));
  const log = logs.open('shard', 1);
  log.add([failure]);
  log.close();
});
