import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AskedOfEngine, fitIntoMemory, type PlanFacts, planEngine } from '../../src/system/engine-plan.ts';
import { localProfile, networkProfile, rotationalProfile } from '../../src/system/storage-profile.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const nothing: AskedOfEngine = { numa: 'Auto', networkOptimized: false };
const local: PlanFacts = {
  source: localProfile,
  destination: localProfile,
  cpuThreadCount: 2,
  memoryBytes: GiB,
  nodes: [{ id: 0, cpus: [0, 1] }],
  sides: { source: { kind: 'Anywhere' }, destination: { kind: 'Anywhere' } },
};
const nfs = { ...networkProfile, name: 'NFS 4.2', bufferBytes: MiB, streamCount: 4, writersPerFile: 1 };

test('between local disks the engine has its own defaults', () => {
  const { parameters, reasons, reductions } = planEngine(nothing, local);
  assert.deepEqual(parameters, { threadCount: 2, bufferBytes: MiB, memoryBytes: GiB });
  assert.deepEqual(reasons, ['from local to local', 'one memory node: nothing is pinned']);
  assert.deepEqual(reductions, []);
});

test('a network destination has larger buffers, more threads, contiguous parts, and as many writers as it likes', () => {
  assert.deepEqual(planEngine(nothing, { ...local, destination: nfs }).parameters, {
    threadCount: 4,
    bufferBytes: MiB,
    contiguousRanges: true,
    rangeBytes: 64 * MiB,
    writersPerFile: 1,
    memoryBytes: GiB,
  });
});

test('a network source too, but what it likes of writers does not matter', () => {
  const { parameters } = planEngine(nothing, { ...local, source: { ...nfs, bufferBytes: 4 * MiB } });
  assert.deepEqual([parameters.threadCount, parameters.bufferBytes, parameters.writersPerFile], [4, 4 * MiB, undefined]);
});

test("a person's own word is kept on any storage", () => {
  const { parameters } = planEngine({ ...nothing, threadCount: 1, bufferBytes: 65_536 }, { ...local, destination: nfs });
  assert.deepEqual([parameters.threadCount, parameters.bufferBytes], [1, 65_536]);
});

test('--network-optimized makes a network of both ends, and leaves one that is known as it is', () => {
  const asked = { ...nothing, networkOptimized: true };
  const { parameters, reasons } = planEngine(asked, { ...local, source: rotationalProfile });
  assert.deepEqual([parameters.threadCount, parameters.bufferBytes, parameters.contiguousRanges], [8, 4 * MiB, true]);
  assert.match(reasons[0] ?? '', /from rotating disk, treated as network to local, treated as network/);
  assert.equal(planEngine(asked, { ...local, destination: nfs }).parameters.writersPerFile, 1);
});

const memory: readonly (readonly [threadCount: number, bufferBytes: number, memoryBytes: number, expected: readonly [number, number]])[] = [
  [8, MiB, GiB, [8, MiB]],
  [8, GiB, 64 * MiB, [8, 8_380_416]], // smaller buffers first
  [64, GiB, 8 * MiB, [7, MiB]], // then fewer threads
  [64, 4096, 8 * MiB, [64, 4096]],
  [8, MiB, 0, [1, 4096]],
];
for (const [threadCount, bufferBytes, memoryBytes, [threads, bytes]] of memory) {
  test(`${threadCount} threads with ${bufferBytes} bytes each in ${memoryBytes} are ${threads} with ${bytes}`, () => {
    const fitted = fitIntoMemory({ threadCount, bufferBytes }, memoryBytes);
    assert.deepEqual(fitted, { threadCount: threads, bufferBytes: bytes });
    if (memoryBytes > 0) assert.ok(fitted.threadCount * Math.max(fitted.bufferBytes, 65_536) <= memoryBytes);
  });
}

test('what was asked for and does not fit is said', () => {
  const { reductions } = planEngine({ ...nothing, threadCount: 64, bufferBytes: GiB }, { ...local, memoryBytes: 64 * MiB });
  assert.match(
    reductions[0] ?? '',
    /^64 threads with buffers of 1,073,741,824 bytes would take more than an eighth of the memory: 63 with /,
  );
});

test('two nodes place threads and buffers', () => {
  const nodes = [
    { id: 0, cpus: [0] },
    { id: 1, cpus: [1] },
  ];
  const sides = { source: { kind: 'Node', id: 0 }, destination: { kind: 'Node', id: 1 } } as const;
  assert.deepEqual(planEngine(nothing, { ...local, nodes, sides }).parameters.numa, { workerCpus: [[1]], memoryNode: 1 });
  assert.equal(planEngine({ ...nothing, numa: 'Off' }, { ...local, nodes, sides }).parameters.numa, undefined);
});
