import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nothingUsed } from '@smartcopy/crds/progress';
import { z } from 'zod';
import { assertSameTree } from '../support/compare-trees.ts';
import { canLoop, loopFileSystem } from '../support/loop-file-system.ts';
import { readDocument, smartcopy, smartcopyDone } from '../support/smartcopy.ts';
import { plantTree } from '../support/tree.ts';

const MiB = 1024 ** 2;

const benchmarkDocument = z.object({
  smallFileCount: z.int(),
  measurements: z.array(z.object({ name: z.string(), bytes: z.int().optional(), bytesPerSecond: z.number().optional() })),
});

for (const type of ['xfs', 'btrfs'] as const) {
  test(`${type} shares blocks instead of copying them, unless a digest has to see the bytes`, async (t) => {
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes: 1024 * MiB });
    const source = join(disk.path, 'source');
    plantTree(source, { 'large.bin': randomBytes(80 * MiB), 'odd.bin': randomBytes(100_001), empty: '', folder: { 'one.bin': 'x' } });
    const bytes = 80 * MiB + 100_001 + 1;

    const shared = await smartcopy(t, ['--json', source, join(disk.path, 'shared')]);
    const copied = await smartcopy(t, ['--json', '--verify', 'blake3', source, join(disk.path, 'copied')]);

    assert.equal(shared.status, 0, shared.stderr);
    assert.deepEqual(readDocument(shared).engineUsed, { ...nothingUsed, reflink: bytes });
    assert.equal(readDocument(shared).progress.bytesDone, bytes);
    assertSameTree(join(disk.path, 'shared'), source);
    assert.equal(copied.status, 0, copied.stderr);
    assert.deepEqual(readDocument(copied).engineUsed, { ...nothingUsed, readWrite: bytes });
    assertSameTree(join(disk.path, 'copied'), source);
  });

  test(`a benchmark on ${type} measures copies that move bytes, not shared blocks`, async (t) => {
    if (!(await canLoop(t, type))) return;
    const disk = await loopFileSystem(t, { type, sizeBytes: 1024 * MiB });
    const { stdout } = await smartcopyDone(t, ['benchmark', disk.path, '--size', '256M', '--json']);
    const { smallFileCount, measurements } = benchmarkDocument.parse(JSON.parse(stdout));
    const copies = measurements.filter(({ name }) => /^copy of|^the same/.test(name));
    assert.deepEqual(
      copies.map(({ bytes }) => bytes),
      [256 * MiB, 256 * MiB, 256 * MiB, smallFileCount * 4096],
    );
    // No bytes pass through memory faster than all CPUs together move them; shared blocks do.
    const fastest = availableParallelism() * (measurements.find(({ name }) => name.startsWith('memory copy'))?.bytesPerSecond ?? 0);
    for (const { name, bytesPerSecond } of copies) {
      assert.ok(bytesPerSecond !== undefined && bytesPerSecond > 0 && bytesPerSecond < fastest, `${name}: ${bytesPerSecond} of ${fastest}`);
    }
  });
}
