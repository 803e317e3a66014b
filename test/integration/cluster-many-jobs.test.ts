import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster, conditionOf } from '../support/cluster.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';

const jobCount = 50;
const nodes = ['worker-1', 'worker-2'];
/** What all writes of SmartCopy together may be in a burst. */
const budget = { burstPerSecond: 50, burstSeconds: 10 };
/** Without the budget, most writes of fifty jobs fall into so short a time. */
const shortWindowMs = 2_000;
const lookMs = 10;
const maxLatencyMs = 2_000;
const maxTries = 3;

test('fifty jobs at once on two agents', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { nodes, memoryBytes: 256 * 1024 ** 2 });
  await untilQuiet(running);
  const before = await countWrites(running);
  await setTimeout(5_000);
  assert.equal((await countWrites(running)) - before, 0, 'an idle cluster is not written to');

  // What else the host does can only make it slower: one of a few tries shows what is possible, and every try must complete.
  const p99s: number[] = [];
  while (p99s.length < maxTries && !p99s.some((p99) => p99 < maxLatencyMs)) {
    const names = namesOf(p99s.length);
    p99s.push(await runAtOnce(t, running, names));
    await assertCopied(running, names);
  }
  assert.ok(
    p99s.some((p99) => p99 < maxLatencyMs),
    `create to first byte, p99 of each try: ${p99s.join(', ')} ms`,
  );
});

/** Creates all jobs at once and waits for their ends. @returns milliseconds from creation to first byte, the 99th percentile */
async function runAtOnce(t: TestContext, running: Cluster, names: readonly string[]): Promise<number> {
  for (const name of names) plantTree(join(running.pathOf(nodeOf(name), 'data'), name), filesOf(name));
  const before = await countWrites(running);
  const end = new AbortController();
  const counting = sampleWrites(running, end.signal);
  const firstBytes = watchFirstBytes(running, names, end.signal);
  const createdMs = new Map<string, number>();
  const startedMs = performance.now();
  await Promise.all(
    names.map(async (name) => {
      createdMs.set(name, performance.now());
      await running.createJob({ name, node: nodeOf(name) });
    }),
  );
  for (const name of names) await running.untilComplete(name, 120_000);
  const seconds = (performance.now() - startedMs) / 1000;
  const seenMs = await firstBytes;
  await untilQuiet(running);
  end.abort();
  const samples = await counting;

  const latencies = names.map((name) => (seenMs.get(name) ?? Number.POSITIVE_INFINITY) - (createdMs.get(name) ?? 0));
  const p99 = latencies.toSorted((a, b) => a - b)[Math.ceil(jobCount * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  t.diagnostic(`${jobCount} jobs in ${seconds.toFixed(1)} s; create to first byte p99 ${p99.toFixed(0)} ms`);
  assertWithinBudget(t, samples, before);
  return p99;
}

/** The jobs themselves are the test's own writes, and counted with the others. */
function assertWithinBudget(t: TestContext, samples: readonly Sample[], before: number): void {
  const writes = (samples.at(-1)?.count ?? 0) - before - jobCount;
  const busiest = busiestWindow(samples, budget.burstSeconds * 1000) - jobCount;
  const busiestShort = busiestWindow(samples, shortWindowMs) - jobCount;
  const [long, short] = [budget.burstSeconds, shortWindowMs / 1000];
  t.diagnostic(`${writes} writes, ${busiest} of them in the busiest ${long} s, ${busiestShort} in the busiest ${short} s`);
  assert.ok(busiest <= budget.burstPerSecond * long, `${busiest} writes in ${long} s`);
  // A full bucket, and what comes into it meanwhile; a sample says only to within its interval when it was taken.
  const allowed = budget.burstPerSecond * (1 + (shortWindowMs + 2 * sampleMs) / 1000);
  assert.ok(busiestShort <= allowed, `${busiestShort} writes in ${short} s; ${allowed} are allowed`);
}

async function assertCopied(running: Cluster, names: readonly string[]): Promise<void> {
  for (const name of names) {
    assertSameTree(join(running.pathOf(nodeOf(name), 'archive'), name), join(running.pathOf(nodeOf(name), 'data'), name));
    assert.equal(conditionOf(await running.job(name), 'Ready')?.status, 'True');
  }
  assert.deepEqual(await running.shards(), []);
}

function namesOf(attempt: number): readonly string[] {
  return Array.from({ length: jobCount }, (_, index) => `many-${attempt}-${index}`);
}

function nodeOf(name: string): string {
  return nodes[Number(name.split('-').at(-1)) % nodes.length] ?? '';
}

function filesOf(name: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`${index}`, name.repeat(2_000 + index)]));
}

/** When the first byte of each copy was seen: a file in the destination that has content. */
async function watchFirstBytes(running: Cluster, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  while (!signal.aborted && seen.size < jobCount) {
    for (const name of names) {
      if (!seen.has(name) && hasBytes(join(running.pathOf(nodeOf(name), 'archive'), name))) seen.set(name, performance.now());
    }
    await setTimeout(lookMs);
  }
  return seen;
}

function hasBytes(folder: string): boolean {
  return Array.from({ length: 20 }, (_, index) => statSync(join(folder, `${index}`), { throwIfNoEntry: false })).some(
    (stats) => (stats?.size ?? 0) > 0,
  );
}

/** Reviews are asked with POST and leave nothing behind. */
const questions = /resource="(tokenreviews|subjectaccessreviews)"/;

/** Requests that changed something, of everybody, by the API server's own count. */
async function countWrites(running: Cluster): Promise<number> {
  const lines = (await running.playground.controlPlane.metrics()).split('\n');
  return lines
    .filter((line) => /^apiserver_request_total\{/.test(line) && /verb="(POST|PUT|PATCH|APPLY|DELETE)"/.test(line) && !questions.test(line))
    .filter((line) => /resource="(transferjobs|transfershards|transferpolicies|nodeagents|events|secrets|configmaps)"/.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

interface Sample {
  readonly atMs: number;
  readonly count: number;
}

const sampleMs = 250;

async function sampleWrites(running: Cluster, signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  while (!signal.aborted) {
    samples.push({ count: await countWrites(running), atMs: performance.now() });
    await setTimeout(sampleMs);
  }
  return samples;
}

/** The most writes within so many milliseconds. */
function busiestWindow(samples: readonly Sample[], windowMs: number): number {
  return Math.max(
    ...samples.map((first) => {
      const last = samples.findLast(({ atMs }) => atMs <= first.atMs + windowMs) ?? first;
      return last.count - first.count;
    }),
  );
}

/** When all is done, nothing is written any more; the last events come at the pace of the budget. */
async function untilQuiet(running: Cluster): Promise<void> {
  let last = await countWrites(running);
  let sinceMs = performance.now();
  await eventually(
    'nothing is written any more',
    async () => {
      await setTimeout(sampleMs);
      const count = await countWrites(running);
      if (count !== last) sinceMs = performance.now();
      last = count;
      return performance.now() - sinceMs > 3_000;
    },
    60_000,
  );
}
