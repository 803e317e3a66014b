import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ControlBlock,
  type CopyTreeRequest,
  copyTree,
  type Failure,
  NativeIoError,
  preserveEverything,
  probeIoUring,
  RefusedError,
} from '@smartcopy/native';

test('a transfer counts in the control block and resolves when it has ended', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'from'), 'content');
  const control = new ControlBlock();

  const result = await copyTree(copyOf(folder, 'from', 'to'), control);

  assert.equal(result.end, 'Finished');
  assert.equal(await readFile(join(folder, 'to'), 'utf8'), 'content');
  const counters = control.counters();
  assert.deepEqual([counters.bytesDone, counters.bytesTotal, counters.filesDone, counters.totalsFinal], [7, 7, 1, true]);
});

test('a limit of 0 lets nothing move until it is lifted', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'from'), 'content');
  const control = new ControlBlock();
  control.limit(0);

  const running = copyTree(copyOf(folder, 'from', 'to'), control);
  const first = await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 200, 'still waiting'))]);
  assert.equal(first, 'still waiting');
  assert.equal(control.counters().bytesDone, 0);
  control.limit(undefined);

  assert.equal((await running).end, 'Finished');
  assert.ok(control.counters().throttleWaitMs > 50);
});

test('a cancelled transfer says so and leaves nothing half done', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'from'), 'content');
  const control = new ControlBlock();
  control.limit(0);

  const running = copyTree(copyOf(folder, 'from', 'to'), control);
  control.cancel();

  assert.equal((await running).end, 'Cancelled');
  await assert.rejects(readFile(join(folder, 'to')), { code: 'ENOENT' });
});

test('failures arrive with their bytes, errno and system call before the transfer resolves', async (t) => {
  const folder = await temporaryFolder(t);
  const name = Buffer.from([0x66, 0xff, 0x0a]);
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), name]), 'x');
  await writeFile(join(folder, 'in the way'), 'x');
  const failures: Failure[] = [];
  const request = copyOf(folder, name, 'in the way/below');

  await assert.rejects(copyTree({ ...request, onFailures: (batch) => failures.push(...batch) }, new ControlBlock()), (error) => {
    assert.ok(error instanceof NativeIoError);
    assert.deepEqual([error.errno, error.syscall, error.path.toString()], ['ENOTDIR', 'openat2', join(folder, 'in the way')]);
    return true;
  });
  assert.deepEqual(failures, []);

  const missing = copyOf('/proc/self/mem', '', 'to');
  await assert.rejects(copyTree(missing, new ControlBlock()), NativeIoError);
});

test('a file is never copied onto itself', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'from'), 'content');
  await assert.rejects(copyTree(copyOf(folder, 'from', 'from'), new ControlBlock()), (error) => {
    assert.ok(error instanceof RefusedError);
    assert.deepEqual([error.reason, error.code], ['SameFile', 'SC_SAME_FILE']);
    return true;
  });
});

test('io_uring is probed by making a ring', () => {
  const probe = probeIoUring();
  if (probe.available) assert.ok(probe.operationCount > 0);
  else assert.match(probe.errno, /^E[A-Z]+$/);
});

function copyOf(folder: string, from: string | Buffer, to: string): CopyTreeRequest {
  return {
    source: { root: Buffer.from(folder), path: Buffer.from(from) },
    destination: { root: Buffer.from(folder), path: Buffer.from(to) },
    threadCount: 2,
    bufferBytes: 65_536,
    update: 'Always',
    verify: 'None',
    durability: 'None',
    io: 'Auto',
    directIo: 'Auto',
    sparse: 'Auto',
    pageCacheBytes: 1024 ** 3,
    ringMemoryBytes: 1024 ** 2,
    temporaries: { job: 1, epoch: 1 },
    preserve: preserveEverything,
    keepSetuid: true,
    keepDevices: true,
    keepSecurityXattrs: true,
    crossMounts: true,
    scanTotals: false,
    onFailures: (failures) => assert.deepEqual(failures, []),
  };
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'smartcopy-native-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
