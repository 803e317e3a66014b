import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ControlBlock, type CopyTreeRequest, copyTree, preserveEverything } from '@smartcopy/native';

const MB = 1e6;
// In memory where that is possible: a disk that stalls would be measured with the limit.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'smartcopy-rate-'));

before(() => {
  const fd = openSync(join(folder, 'source'), 'w');
  const block = randomBytes(4 * 1024 * 1024);
  for (let written = 0; written < 160 * MB; written += block.length) writeSync(fd, block);
  closeSync(fd);
});
after(() => rmSync(folder, { recursive: true }));

/** How many bytes a copy had moved, and when. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

interface Limited {
  readonly name: string;
  readonly threadCount: number;
  readonly limit: number;
  readonly forMs: number;
  /** Sets other limits, at times after the beginning. */
  readonly changes?: readonly { readonly atMs: number; readonly limit: number }[];
}

function requestFor(name: string, threadCount: number): CopyTreeRequest {
  return {
    source: { root: Buffer.from(folder), path: Buffer.from('source') },
    destination: { root: Buffer.from(folder), path: Buffer.from(name) },
    threadCount,
    bufferBytes: 1024 ** 2,
    update: 'Always',
    verify: 'None',
    durability: 'None',
    temporaries: { job: 1, epoch: 1 },
    preserve: preserveEverything,
    io: 'Auto',
    directIo: 'Auto',
    sparse: 'Auto',
    pageCacheBytes: 0,
    ringMemoryBytes: 0,
    keepSetuid: true,
    keepDevices: true,
    keepSecurityXattrs: true,
    crossMounts: true,
    scanTotals: false,
    onFailures: (failures) => assert.deepEqual(failures, []),
  };
}

async function copyLimited({ name, threadCount, limit, forMs, changes = [] }: Limited): Promise<readonly Sample[]> {
  const control = new ControlBlock();
  control.limit(limit);
  const running = copyTree(requestFor(name, threadCount), control);
  const began = performance.now();
  const samples: Sample[] = [];
  for (let next = 0; ; ) {
    const atMs = performance.now() - began;
    samples.push({ atMs, bytes: control.counters().bytesDone });
    if (atMs >= forMs) break;
    const change = changes[next];
    if (change !== undefined && change.atMs <= atMs) {
      control.limit(change.limit);
      next += 1;
    }
    await setTimeout(20);
  }
  control.cancel();
  await running;
  return samples;
}

/** Bytes per second between two moments. */
function rateBetween(samples: readonly Sample[], fromMs: number, toMs: number): number {
  const inside = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const [first, last] = [inside[0], inside.at(-1)];
  assert.ok(first !== undefined && last !== undefined && last.atMs > first.atMs);
  return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
}

/** The most that came in any second, in seconds of the limit. */
function largestBurst(samples: readonly Sample[], limit: number): number {
  const bursts = samples.map((from) => {
    const within = samples.filter(({ atMs }) => atMs >= from.atMs && atMs <= from.atMs + 1000).at(-1) ?? from;
    return (within.bytes - from.bytes) / limit;
  });
  return Math.max(...bursts);
}

const runs: readonly Limited[] = [
  { name: 'one thread, 1 MB per second', threadCount: 1, limit: 1 * MB, forMs: 10_500 },
  { name: 'one thread, 10 MB per second', threadCount: 1, limit: 10 * MB, forMs: 10_500 },
  { name: 'four threads, 12 MB per second', threadCount: 4, limit: 12 * MB, forMs: 10_500 },
];

test('a limit holds', { concurrency: 4 }, async (t) => {
  const steady = runs.map((run) =>
    t.test(`within 2 % of ten seconds, and of no second is twice as much: ${run.name}`, async () => {
      const samples = await copyLimited(run);
      const rate = rateBetween(samples, 300, 10_500);
      assert.ok(Math.abs(rate / run.limit - 1) <= 0.02, `${rate} bytes per second`);
      assert.ok(largestBurst(samples, run.limit) <= 1.3, 'a burst');
    }),
  );
  const changing = t.test('also when it changes during the run', async () => {
    const changes = [
      { atMs: 3_000, limit: 25 * MB },
      { atMs: 6_000, limit: 2 * MB },
    ];
    const samples = await copyLimited({ name: 'changing', threadCount: 4, limit: 5 * MB, forMs: 10_000, changes });
    const rates = [rateBetween(samples, 300, 2_900), rateBetween(samples, 3_300, 5_900), rateBetween(samples, 6_300, 10_000)];
    for (const [index, expected] of [5 * MB, 25 * MB, 2 * MB].entries()) {
      assert.ok(Math.abs((rates[index] ?? 0) / expected - 1) <= 0.06, `${rates.map(Math.round)}`);
    }
  });
  await Promise.all([...steady, changing]);
});

test('a limit of 100 GB per second, which the machine cannot reach, makes no copy wait', async () => {
  const control = new ControlBlock();
  control.limit(100_000 * MB);
  await copyTree(requestFor('fast', 2), control);
  const { bytesDone, throttleWaitMs } = control.counters();
  assert.ok(bytesDone >= 160 * MB);
  assert.ok(throttleWaitMs < 100, `${throttleWaitMs} ms of waiting`);
});
