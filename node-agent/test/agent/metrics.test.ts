import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { lacksPromtool, promtool } from '../../../test/support/brought-programs.ts';
import { Metrics } from '../../src/agent/metrics.ts';
import { defaultPreserve, keepEverything } from '../../src/engine/defaults.ts';
import { ControlBlock, type Counters, type Failure, type Transfer } from '../../src/engine/run-transfer.ts';

const transfer: Transfer = {
  source: { root: Buffer.from('/a'), path: Buffer.alloc(0) },
  destination: { root: Buffer.from('/b'), path: Buffer.alloc(0) },
  threadCount: 1,
  bufferBytes: 4096,
  update: 'Always',
  digest: 'BLAKE3',
  verify: 'Readback',
  durability: 'None',
  io: 'Auto',
  directIo: 'Auto',
  sparse: 'Auto',
  pageCacheBytes: 1024 ** 3,
  ringMemoryBytes: 0,
  temporaries: { job: 1, epoch: 1 },
  preserve: defaultPreserve,
  ...keepEverything,
  crossMounts: false,
  scanTotals: true,
};
const nothing = new ControlBlock().counters();
const failure: Failure = {
  reason: 'PathEscape',
  errno: 'ELOOP',
  syscall: 'openat2',
  side: 'destination',
  path: Buffer.from('secret-path'),
  refused: false,
};

function filled(): Metrics {
  const metrics = new Metrics('0.1.0', { slots: () => ({ running: 1, waiting: 2, ended: 3, free: 250 }), isConnected: () => true });
  const first: Counters = { ...nothing, readWriteBytes: 100, filesDone: 2, bytesVerified: 90, throttleWaitMs: 500 };
  metrics.counted(transfer, first, undefined);
  metrics.counted(
    transfer,
    {
      ...first,
      readWriteBytes: 150,
      reflinkBytes: 7,
      ioUringBytes: 11,
      directIoBytes: 9,
      filesDone: 3,
      filesUnchanged: 4,
      filesFailed: 1,
      entriesRefused: 5,
      bytesVerified: 140,
    },
    first,
  );
  metrics.failed(transfer, [failure, { ...failure, reason: 'VerifyMismatch' }]);
  metrics.synced('200');
  metrics.synced('Unreachable');
  return metrics;
}

test('what transfers gain is added up', async () => {
  const text = await filled().registry.metrics();
  const samples = [
    'smartcopy_build_info{version="0.1.0"} 1',
    'smartcopy_agent_bytes_total{direction="write",method="readWrite"} 150',
    'smartcopy_agent_bytes_total{direction="write",method="reflink"} 7',
    'smartcopy_agent_bytes_total{direction="write",method="ioUring"} 11',
    'smartcopy_agent_direct_io_bytes_total 9',
    'smartcopy_agent_files_total{result="copied"} 3',
    'smartcopy_agent_files_total{result="unchanged"} 4',
    'smartcopy_agent_files_total{result="failed"} 1',
    'smartcopy_agent_files_total{result="refused"} 5',
    'smartcopy_agent_verify_total{algorithm="BLAKE3",result="equal"} 3',
    'smartcopy_agent_verify_total{algorithm="BLAKE3",result="different"} 1',
    'smartcopy_agent_verified_bytes_total{algorithm="BLAKE3"} 140',
    'smartcopy_agent_io_errors_total{op="openat2",errno="ELOOP"} 2',
    'smartcopy_agent_path_escapes_blocked_total 1',
    'smartcopy_agent_throttle_wait_seconds_total 0.5',
    'smartcopy_agent_slots{state="waiting"} 2',
    'smartcopy_agent_operator_connected 1',
    'smartcopy_agent_sync_total{code="Unreachable"} 1',
  ];
  for (const sample of samples) assert.ok(text.split('\n').includes(sample), sample);
  assert.ok(!text.includes('secret-path'));
});

test('promtool finds nothing wrong with the page', { skip: lacksPromtool() }, async () => {
  const child = spawn(promtool(), ['check', 'metrics']);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
  }
  child.stdin.end(await filled().registry.metrics());
  const status = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([status, said], [0, '']);
});
