import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  CopyError,
  type CopyProgress,
  type CopySettings,
  copy,
  Engine,
  type Failure,
  InputError,
  NativeIoError,
  RefusedError,
} from 'smartcopy';
import { startProgram, temporaryDirectory } from '../cli/run-cli.ts';

const example = fileURLToPath(new URL('../../../examples/library.ts', import.meta.url));

/** A source of two files, 3 MB in all, and the name of a destination. */
function twoFiles(t: TestContext): { readonly source: string; readonly destination: string } {
  const top = temporaryDirectory(t);
  const source = join(top, 'source');
  mkdirSync(join(source, 'inner'), { recursive: true });
  writeFileSync(join(source, 'big'), Buffer.alloc(3_000_000, 7));
  writeFileSync(join(source, 'inner/small'), 'content');
  return { source, destination: join(top, 'destination') };
}

test('a copy in one line', async (t) => {
  const { source, destination } = twoFiles(t);
  const { phase, counters } = await copy(source, destination);
  assert.deepEqual([phase, counters.filesDone, counters.bytesDone], ['Complete', 2, 3_000_007]);
  assert.equal(readFileSync(join(destination, 'inner/small'), 'utf8'), 'content');
});

test('paths may be bytes, and what is equal is left alone', async (t) => {
  const { source, destination } = twoFiles(t);
  const name = Buffer.concat([Buffer.from(`${destination}-`), Buffer.from([0xff])]);
  await copy(Buffer.from(source), name);
  const again = await copy(source, name, { update: 'IfDifferent', verify: { algorithm: 'BLAKE3' } });
  assert.deepEqual([again.counters.filesDone, again.counters.filesUnchanged], [0, 2]);
});

test('an engine verifies with its settings as often as it is asked to', async (t) => {
  const { source, destination } = twoFiles(t);
  const engine = new Engine({ verify: { algorithm: 'XXH3' }, threadCount: 3, bufferBytes: 65_536 });
  const reports = await Promise.all([engine.copy(source, `${destination}1`), engine.copy(source, `${destination}2`)]);
  assert.deepEqual(
    reports.map(({ counters }) => counters.bytesVerified),
    [3_000_007, 3_000_007],
  );
});

test('progress is told until the end, under a limit that changes meanwhile', async (t) => {
  const { source, destination } = twoFiles(t);
  const running = new Engine({ limitBytesPerSecond: 1_000_000 }).start(source, destination);
  const moments: CopyProgress[] = [];
  for await (const moment of running.progress(50)) {
    moments.push(moment);
    if (moment.bytesDone > 200_000) running.limit(undefined);
  }
  assert.ok(moments.length >= 3, `${moments.length} moments`);
  assert.ok(moments.some(({ bytesDone }) => bytesDone > 0 && bytesDone < 3_000_000));
  assert.deepEqual([moments.at(-1)?.bytesDone, moments.at(-1)?.bytesTotal], [3_000_007, 3_000_007]);
  assert.equal((await running.report).phase, 'Complete');
});

test('a signal ends a copy, which throws what it was aborted with', async (t) => {
  const { source, destination } = twoFiles(t);
  const reason = new Error('enough');
  const abort = new AbortController();
  const copying = copy(source, destination, { signal: abort.signal, limitBytesPerSecond: 100_000 });
  abort.abort(reason);
  await assert.rejects(copying, reason);
  const running = new Engine({ limitBytesPerSecond: 100_000 }).start(source, destination);
  running.abort();
  assert.equal((await running.report).end, 'Cancelled');
  assert.deepEqual(
    readdirSync(destination).filter((name) => name === 'big'),
    [],
  );
  await assert.rejects(copy(source, destination, { signal: abort.signal }), reason);
});

test('what was not copied is an error with the report, and each is told', async (t) => {
  const { source, destination } = twoFiles(t);
  mkdirSync(join(destination, 'big'), { recursive: true });
  const failures: Failure[] = [];
  await assert.rejects(copy(source, destination, { onFailure: (failure) => failures.push(failure) }), (error) => {
    assert.ok(error instanceof CopyError);
    assert.equal(error.code, 'SC_COPY_INCOMPLETE');
    assert.match(error.message, /^1 entries were not copied, the first big: TypeConflict/);
    assert.equal(error.report.counters.filesDone, 1);
    return true;
  });
  assert.deepEqual(
    failures.map(({ path }) => path.toString()),
    ['big'],
  );
});

test('what cannot be done has an error of its own kind', async (t) => {
  const { source, destination } = twoFiles(t);
  await assert.rejects(copy(`${source}-missing`, destination), InputError);
  await assert.rejects(copy(source, join(source, 'inside')), RefusedError);
  await assert.rejects(
    copy(join(source, 'big'), '/proc/nothing/here'),
    (error) => error instanceof NativeIoError || error instanceof CopyError,
  );
  const wrong = { threadCount: 0, speed: 3 } as object;
  await assert.rejects(copy(source, destination, wrong), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /threadCount: .*; .*speed/);
    return true;
  });
});

test('a dry run counts what would be copied, and writes nothing', async (t) => {
  const { source, destination } = twoFiles(t);
  const { counters, plannedBytes } = await copy(source, destination, { dryRun: true, selection: { exclude: ['inner'] } });
  assert.deepEqual([counters.filesDone, counters.entriesFiltered, plannedBytes], [1, 1, 3_000_000]);
  assert.equal(existsSync(destination), false);
});

test('choices reach the engine as those of a job do', async (t) => {
  const { source, destination } = twoFiles(t);
  symlinkSync('big', join(source, 'link'));
  mkdirSync(destination);
  writeFileSync(join(destination, 'big'), 'mine');
  chmodSync(join(source, 'inner/small'), 0o751);
  const settings: CopySettings = {
    onConflict: 'Skip',
    symlinks: 'Skip',
    ordering: 'Path',
    atomic: 'Always',
    retries: 0,
    oneFileSystem: true,
  };
  const { counters } = await copy(source, destination, { ...settings, preserve: { mode: false } });
  assert.deepEqual([counters.filesDone, counters.filesSkipped], [1, 1]);
  assert.equal(readFileSync(join(destination, 'big'), 'utf8'), 'mine');
  assert.deepEqual(readdirSync(destination).sort(), ['big', 'inner']);
  assert.equal(statSync(join(destination, 'inner/small')).mode & 0o777, 0o751 & ~process.umask());
});

test('holes, calls and sizes are as they are asked for', async (t) => {
  const { source, destination } = twoFiles(t);
  writeFileSync(join(source, 'zeros'), Buffer.alloc(2 ** 20));
  const mapped = await copy(source, `${destination}1`, { io: 'Mmap', selection: { minSize: '1Ki' } });
  assert.deepEqual([mapped.counters.filesDone, mapped.counters.mmapBytes], [2, 3_000_000 + 2 ** 20]);
  const sparse = await copy(source, `${destination}2`, { preserve: { sparse: 'Always' } });
  assert.ok(sparse.counters.holeBytes > 2 ** 19, JSON.stringify(sparse.counters));
});

test('digests go to an open file', async (t) => {
  const { source, destination } = twoFiles(t);
  const list = `${destination}.list`;
  const fd = openSync(list, 'w');
  await copy(source, destination, { verify: { algorithm: 'SHA256', level: 'Source' }, digestsFd: fd });
  closeSync(fd);
  const digest = createHash('sha256').update('content').digest('hex');
  assert.ok(readFileSync(list, 'utf8').split('\n').includes(`${digest}  inner/small`), readFileSync(list, 'utf8'));
});

const contradictions: readonly (readonly [settings: CopySettings, said: RegExp])[] = [
  [{ io: 'Mmap', directIo: 'Always' }, /directIo: goes past the page cache/],
  [{ digestsFd: 9 }, /digestsFd: .*verify/],
  [{ dryRun: true, verify: {} }, /dryRun: copies nothing/],
  [{ selection: { include: ['a['] } }, /selection\.include\.0: must close/],
  [{ retries: 101 }, /retries: /],
];
for (const [settings, said] of contradictions) {
  test(`${JSON.stringify(settings)} is refused in a sentence`, () => {
    assert.throws(
      () => new Engine(settings),
      (error) => error instanceof InputError && said.test(error.message),
    );
  });
}

test('the example runs, and copies what it said it would', async (t) => {
  const { source, destination } = twoFiles(t);
  writeFileSync(join(source, 'inner/left.tmp'), 'out');
  const { status, stdout, stderr } = await startProgram(process.execPath, [example, source, destination]).result;
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '3000007 bytes to copy\n');
  assert.match(stdout, /^2 files copied, 3000007 bytes read back and found equal\n(.*\n)*.*2 files equal already\nComplete\n$/);
  assert.equal((await startProgram(process.execPath, [example, `${source}-missing`, destination]).result).status, 1);
});
