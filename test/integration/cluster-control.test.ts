import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster, conditionOf } from '../support/cluster.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';
import { bytesIn } from '../support/tree-bytes.ts';

const MiB = 1024 ** 2;
const lease = { seconds: 6, marginSeconds: 2 };

test('suspend, resume and delete', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, {
    operatorArguments: [`--node-lease=${lease.seconds}s`, `--lease-margin=${lease.marginSeconds}s`],
    memoryBytes: 1024 * MiB,
  });
  await t.test('suspend stops the bytes, and resume goes on without copying finished files again', () => suspendAndResume(running));
  await t.test('a job that is suspended from the start does nothing until it is resumed', () => startSuspended(running));
  await t.test('another limit takes effect while the job runs', () => changeLimit(running));
  await t.test('what is copied cannot change once the job has started', () => refuseChange(running));
  await t.test('delete stops the agent and the object goes', () => deleteMidJob(running));
  await t.test('delete while the agent is dead ends after lease and margin', () => deleteWithDeadAgent(running));
  await t.test('a job whose finalizer was stripped by hand leaves no shard', () => stripFinalizer(running));
});

/** Forty files of 1 MiB, at 4 MiB/s unless told otherwise: ten seconds. */
async function startPaced(running: Cluster, name: string, limit = 4 * MiB): Promise<void> {
  plantTree(
    join(running.pathOf('worker-1', 'data'), name),
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}`, randomBytes(MiB)])),
  );
  await running.createJob({ name, spec: { bandwidth: { limit }, durability: 'File' } });
  await running.untilJob(name, 'has copied a part', (job) => (job.status?.progress?.filesDone ?? 0) >= 4);
}

function copied(running: Cluster, name: string): number {
  return bytesIn(join(running.pathOf('worker-1', 'archive'), name));
}

async function suspendAndResume(running: Cluster): Promise<void> {
  await startPaced(running, 'rest');
  const askedAt = performance.now();
  await running.patchJob('rest', { spec: { suspend: true } });
  await untilStill(running, 'rest');
  const stoppedMs = performance.now() - askedAt - stillForMs;
  assert.ok(stoppedMs < 5_000, `bytes moved for ${stoppedMs} ms after suspend`);
  const resting = await running.untilJob('rest', 'is suspended', ({ status }) => status?.phase === 'Suspended');
  assert.equal(conditionOf(resting, 'Ready')?.reason, 'Suspended');
  assert.equal(conditionOf(resting, 'Reconciling'), undefined);
  assert.equal(conditionOf(resting, 'Stalled'), undefined);

  const finished = Array.from({ length: 40 }, (_, index) => `${index}`).flatMap((file) => inodeOf(running, 'rest', file) ?? []);
  assert.ok(finished.length >= 4 && finished.length < 40, `${finished.length} files were finished`);
  await running.patchJob('rest', { spec: { suspend: false, bandwidth: null } });
  const job = await running.untilComplete('rest');
  assertSameTree(join(running.pathOf('worker-1', 'archive'), 'rest'), join(running.pathOf('worker-1', 'data'), 'rest'));
  assert.ok((job.status?.progress?.filesUnchanged ?? 0) >= finished.length - 1, JSON.stringify(job.status?.progress));
  for (const { file, identity } of finished)
    assert.equal(inodeOf(running, 'rest', file)?.identity, identity, `${file} was not written again`);
}

/** A finished file: its inode and change time, which any further write would move. */
function inodeOf(running: Cluster, name: string, file: string): { readonly file: string; readonly identity: string } | undefined {
  const source = statSync(join(running.pathOf('worker-1', 'data'), name, file), { bigint: true });
  const stats = statSync(join(running.pathOf('worker-1', 'archive'), name, file), { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || stats.size !== source.size || stats.mtimeNs !== source.mtimeNs) return undefined;
  return { file, identity: `${stats.ino} ${stats.ctimeNs}` };
}

const stillForMs = 1_500;

/** Waits until nothing has been written for a while. */
async function untilStill(running: Cluster, name: string): Promise<void> {
  let last = -1;
  let since = performance.now();
  await eventually(`nothing moves for ${name}`, async () => {
    await setTimeout(20);
    const now = copied(running, name);
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > stillForMs;
  });
}

async function startSuspended(running: Cluster): Promise<void> {
  plantTree(join(running.pathOf('worker-1', 'data'), 'later'), { file: 'x' });
  await running.createJob({ name: 'later', spec: { suspend: true } });
  await running.untilJob('later', 'is suspended', ({ status }) => status?.phase === 'Suspended');
  assert.deepEqual(await running.shards(), []);
  await running.patchJob('later', { spec: { suspend: false } });
  await running.untilComplete('later');
}

async function changeLimit(running: Cluster): Promise<void> {
  await startPaced(running, 'faster', MiB);
  await running.patchJob('faster', { spec: { bandwidth: { limit: 400 * MiB } } });
  const changedAt = performance.now();
  await running.untilComplete('faster');
  const seconds = (performance.now() - changedAt) / 1000;
  assert.ok(seconds < 10, `36 MiB at 1 MiB/s take 36 s; after the change they took ${seconds} s`);
}

async function refuseChange(running: Cluster): Promise<void> {
  await startPaced(running, 'fixed', MiB);
  const changes: readonly (readonly [field: string, spec: object])[] = [
    ['spec.update', { update: 'Always' }],
    ['spec.verify', { verify: { algorithm: 'BLAKE3' } }],
    ['spec.source', { source: { nodePath: { path: 'elsewhere' } } }],
  ];
  for (const [field, spec] of changes) {
    await assert.rejects(
      running.patchJob('fixed', { spec }),
      (error: Error) => error.message.includes(`${field}: `) && error.message.includes('cannot change once the job has started'),
    );
  }
  await running.deleteJob('fixed');
  await running.untilGone('fixed');
}

async function deleteMidJob(running: Cluster): Promise<void> {
  await startPaced(running, 'gone', MiB);
  const askedAt = performance.now();
  await running.deleteJob('gone');
  await running.untilGone('gone', 5_000);
  const goneMs = performance.now() - askedAt;
  const then = copied(running, 'gone');
  await setTimeout(1_000);
  assert.equal(copied(running, 'gone'), then, `bytes moved after the object had gone, ${goneMs} ms after it was deleted`);
  assert.deepEqual(await running.shards(), []);
}

async function deleteWithDeadAgent(running: Cluster): Promise<void> {
  await startPaced(running, 'orphan', MiB);
  const agent = running.playground.agent('worker-1');
  await agent.kill('SIGKILL');
  const killedAt = performance.now();
  await running.deleteJob('orphan');
  await running.untilGone('orphan', (lease.seconds + lease.marginSeconds + 10) * 1000);
  const seconds = (performance.now() - killedAt) / 1000;
  // The last exchange was at most a second and a half before: an agent with work asks every second.
  assert.ok(
    seconds > lease.seconds + lease.marginSeconds - 1.5,
    `it went after ${seconds} s, while the agent could still have lived by its lease`,
  );
  assert.deepEqual(await running.shards(), []);
  await agent.start();
}

async function stripFinalizer(running: Cluster): Promise<void> {
  await startPaced(running, 'stripped', MiB);
  await running.patchJob('stripped', { metadata: { finalizers: null } });
  await running.deleteJob('stripped');
  await running.untilGone('stripped', 2_000);
  await eventually('its shard is gone', async () => (await running.shards()).length === 0, 5_000);
  await untilStill(running, 'stripped');
  assert.ok(copied(running, 'stripped') < 40 * MiB, 'it was not copied to its end');
}
