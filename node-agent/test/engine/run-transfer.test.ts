import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultPreserve, keepEverything } from '../../src/engine/defaults.ts';
import { ControlBlock, type Failure, NativeIoError, RefusedError, runTransfer, type Transfer } from '../../src/engine/run-transfer.ts';

/** A source of ten small files, and a transfer of it. */
function smallTransfer(t: TestContext): { readonly top: string; readonly transfer: Transfer } {
  const top = mkdtempSync(join(tmpdir(), 'smartcopy-run-'));
  t.after(() => rmSync(top, { recursive: true }));
  mkdirSync(join(top, 'src'));
  for (let index = 0; index < 10; index += 1) writeFileSync(join(top, `src/${index}`), 'x'.repeat(100));
  const transfer: Transfer = {
    source: { root: Buffer.from(join(top, 'src')), path: Buffer.alloc(0) },
    destination: { root: Buffer.from(top), path: Buffer.from('dst') },
    threadCount: 2,
    bufferBytes: 65_536,
    update: 'Always',
    verify: 'None',
    durability: 'None',
    io: 'Auto',
    directIo: 'Auto',
    sparse: 'Auto',
    pageCacheBytes: 1024 ** 3,
    ringMemoryBytes: 0,
    temporaries: { job: 1, epoch: 1 },
    preserve: defaultPreserve,
    ...keepEverything,
    crossMounts: true,
    scanTotals: false,
  };
  return { top, transfer };
}

/** Under it nothing moves, so the engine cannot end by itself; it is let go after the test. */
function stuckControl(t: TestContext): ControlBlock {
  const control = new ControlBlock();
  control.limit(0);
  t.after(() => control.cancel());
  return control;
}

const unheard = { signal: new AbortController().signal, onFailures: () => undefined };

test('a finished transfer is Complete, with its counters and its time', async (t) => {
  const { top, transfer } = smallTransfer(t);
  const report = await runTransfer(transfer, { ...unheard, control: new ControlBlock() });
  assert.equal(report.phase, 'Complete');
  assert.equal(report.end, 'Finished');
  assert.deepEqual(report.errors, []);
  assert.equal(report.counters.filesDone, 10);
  assert.equal(report.counters.bytesDone, 1_000);
  assert.equal(report.counters.totalsFinal, true);
  assert.ok(report.durationMs > 0 && report.endedAtMs >= report.startedAtMs);
  assert.equal(readdirSync(join(top, 'dst')).length, 10);
});

test('a transfer with a failed entry is Failed; the failure is handed over and kept', async (t) => {
  const { top, transfer } = smallTransfer(t);
  mkdirSync(join(top, 'dst/7/in-the-way'), { recursive: true });
  const seen: Failure[] = [];
  const report = await runTransfer(transfer, { ...unheard, control: new ControlBlock(), onFailures: (failures) => seen.push(...failures) });
  assert.equal(report.phase, 'Failed');
  assert.equal(report.end, 'Finished');
  assert.equal(report.failureCount, 1);
  assert.deepEqual(
    report.errors.map(({ reason, path, side, count }) => [reason, path, side, count]),
    [['TypeConflict', '7', 'destination', 1]],
  );
  assert.deepEqual(
    seen.map(({ path }) => path.toString()),
    ['7'],
  );
  assert.equal(report.counters.filesDone, 9);
});

test('an aborted signal cancels, also one that was aborted before', { timeout: 10_000 }, async (t) => {
  const { transfer } = smallTransfer(t);
  const early = await runTransfer(transfer, { ...unheard, control: new ControlBlock(), signal: AbortSignal.abort() });
  assert.deepEqual([early.end, early.phase, early.counters.filesDone], ['Cancelled', 'Failed', 0]);

  const control = stuckControl(t);
  const report = await runTransfer(transfer, { ...unheard, control, signal: AbortSignal.timeout(50) });
  assert.equal(report.end, 'Cancelled');
});

test('an abandoned transfer is answered at once, while the engine may be stuck', { timeout: 10_000 }, async (t) => {
  const { transfer } = smallTransfer(t);
  const control = stuckControl(t);
  const abandon = new AbortController();
  const answer = runTransfer(transfer, { ...unheard, control, abandon: abandon.signal });
  abandon.abort();
  assert.equal((await answer).end, 'Cancelled');
});

test('what a listener of failures throws ends the transfer and comes back', async (t) => {
  const { top, transfer } = smallTransfer(t);
  mkdirSync(join(top, 'dst/7/in-the-way'), { recursive: true });
  const fault = new Error('the listener broke');
  const throwing = {
    ...unheard,
    control: new ControlBlock(),
    onFailures: () => {
      throw fault;
    },
  };
  await assert.rejects(runTransfer(transfer, throwing), fault);
});

test('a transfer into itself is refused, one without its root cannot start', async (t) => {
  const { top, transfer } = smallTransfer(t);
  const inside = { ...transfer, destination: { root: Buffer.from(join(top, 'src')), path: Buffer.from('below') } };
  await assert.rejects(
    runTransfer(inside, { ...unheard, control: new ControlBlock() }),
    (error: unknown) => error instanceof RefusedError && error.reason === 'DestinationInsideSource',
  );
  const nowhere = { ...transfer, source: { root: Buffer.from(join(top, 'missing')), path: Buffer.alloc(0) } };
  await assert.rejects(
    runTransfer(nowhere, { ...unheard, control: new ControlBlock() }),
    (error: unknown) => error instanceof NativeIoError && error.errno === 'ENOENT' && error.path.toString() === join(top, 'missing'),
  );
  assert.equal(readFileSync(join(top, 'src/0'), 'utf8').length, 100);
});
