import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineRoomOf, shareOfEngine } from '../../src/assignments/engine-share.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

test('transfers may use an eighth of the memory, and each of them four threads for each CPU', () => {
  assert.deepEqual(engineRoomOf({ cpuCount: 2, memoryBytes: 8 * GiB }), { maxThreadCount: 8, memoryBytes: GiB });
});

const room = { maxThreadCount: 16, memoryBytes: 64 * MiB };
type Case = readonly [name: string, asked: readonly [number, number], usedBytes: number, given: readonly [number, number]];
const cases: readonly Case[] = [
  ['what fits is given as it is asked for', [2, MiB], 0, [2, MiB]],
  ['more threads than some for each CPU are not', [256, MiB], 0, [16, MiB]],
  ['large buffers become smaller, in whole pages', [3, GiB], 0, [3, 11_182_080]],
  ['buffers are not made smaller than is common', [256, GiB], 0, [16, 2 * MiB]],
  ['beside others there are fewer threads', [16, GiB], 48 * MiB, [8, MiB]],
  ['small buffers cost little', [16, 64 * 1024], 60 * MiB, [16, 64 * 1024]],
  ['when all is used one thread goes on', [16, GiB], 64 * MiB, [1, MiB]],
  ['when more than all is used too', [16, 4096], 99 * MiB, [1, 4096]],
];
test('rings get what the buffers leave, as far as the threads can use it', () => {
  const ringBytesFor = (threadCount: number, bufferBytes: number, usedBytes: number): number =>
    shareOfEngine({ threadCount, bufferBytes }, room, usedBytes).ringMemoryBytes;
  assert.equal(ringBytesFor(1, MiB, 0), 16 * MiB);
  assert.equal(ringBytesFor(2, MiB, 0), 30 * MiB);
  assert.equal(ringBytesFor(4, GiB, 0), 0, 'buffers first');
  assert.equal(ringBytesFor(1, MiB, 99 * MiB), 0);
});

for (const [name, [threadCount, bufferBytes], usedBytes, given] of cases) {
  test(name, () => {
    const share = shareOfEngine({ threadCount, bufferBytes }, room, usedBytes);
    assert.deepEqual([share.threadCount, share.bufferBytes], given);
  });
}
