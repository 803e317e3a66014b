import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';

const MiB = 1024 ** 2;
const fileCount = 24;

test('two agents on one node: only the newest works', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { memoryBytes: 256 * MiB });
  const { playground } = running;
  const older = playground.agent('worker-1');

  await t.test('a newer pod takes over in the middle of a job, and the older agent ends', async () => {
    await startPaced(running, 'handed-over');
    const newer = await playground.addAgent('worker-1', { stateFolder: older.stateFolder });
    await eventually('the older agent has ended', () => older.process.server?.hasEnded() === true, 30_000);
    await assertCompleted(running, 'handed-over');
    const { filesDone = 0, filesUnchanged = 0 } = (await running.job('handed-over'))?.status?.progress ?? {};
    assert.equal(filesDone + filesUnchanged, fileCount);
    assert.ok(filesUnchanged > 0, 'what the older had finished was not copied again');
    const shown = await playground.controlPlane.kubectl(['get', 'nag', 'worker-1', '-o', 'jsonpath={.status.pod}']);
    assert.equal(shown, newer.pod.name);
  });

  await t.test('the older one, started again, waits for the lock and takes nothing', async () => {
    await older.start();
    await running.createJob({ name: 'handed-over-again', path: 'handed-over', spec: { update: 'Always' } });
    await running.untilComplete('handed-over-again');
    const ready = await fetch(`${older.statusUrl}/readyz`);
    assert.equal(ready.status, 503, await ready.text());
  });
});

async function startPaced(running: Cluster, name: string): Promise<void> {
  const files = Array.from({ length: fileCount }, (_, index) => [`${index}`, randomBytes(MiB)] as const);
  plantTree(join(running.pathOf('worker-1', 'data'), name), Object.fromEntries(files));
  await running.createJob({ name, spec: { bandwidth: { limit: 2 * MiB }, durability: 'File' } });
  await running.untilJob(name, 'has copied a part', (job) => (job.status?.progress?.filesDone ?? 0) >= 4);
}

async function assertCompleted(running: Cluster, name: string): Promise<void> {
  await running.untilComplete(name);
  assertSameTree(join(running.pathOf('worker-1', 'archive'), name), join(running.pathOf('worker-1', 'data'), name));
}
