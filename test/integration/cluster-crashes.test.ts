import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster } from '../support/cluster.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { temporariesBelow } from '../support/temporaries.ts';
import { plantTree } from '../support/tree.ts';
import { bytesIn } from '../support/tree-bytes.ts';

const MiB = 1024 ** 2;
const fileCount = 48;

test('agent and operator may be killed at any time', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { memoryBytes: 1024 * MiB });
  await t.test('kill -9 of the agent: the job completes, and finished files are not copied again', () => killAgent(running));
  await t.test('kill -9 of the operator: the copy goes on, and the next operator takes it over', () => killOperator(running));
  await t.test('the operator in good order: the copy goes on through its restart', () => restartOperator(running));
  await t.test('both at once, and the API server too: the job completes when all are back', () => killAll(running));
});

/** 48 files of 1 MiB at 4 MiB/s: twelve seconds. */
async function startPaced(running: Cluster, name: string): Promise<void> {
  const files = Array.from({ length: fileCount }, (_, index) => [`${index}`, randomBytes(MiB)] as const);
  plantTree(join(running.pathOf('worker-1', 'data'), name), Object.fromEntries(files));
  await running.createJob({ name, spec: { bandwidth: { limit: 4 * MiB }, durability: 'File' } });
  await running.untilJob(name, 'has copied a part', (job) => (job.status?.progress?.filesDone ?? 0) >= 6);
}

/** Finished files with what any further write would change. */
function finishedFiles(running: Cluster, name: string): ReadonlyMap<string, string> {
  const finished = new Map<string, string>();
  for (let index = 0; index < fileCount; index += 1) {
    const [source, copy] = ['data', 'archive'].map((alias) =>
      statSync(join(running.pathOf('worker-1', alias), name, `${index}`), { bigint: true, throwIfNoEntry: false }),
    );
    if (source !== undefined && copy !== undefined && copy.size === source.size && copy.mtimeNs === source.mtimeNs) {
      finished.set(`${index}`, `${copy.ino} ${copy.ctimeNs}`);
    }
  }
  return finished;
}

async function assertCompleted(running: Cluster, name: string, before: ReadonlyMap<string, string>): Promise<void> {
  await running.untilComplete(name, 60_000);
  const [data, archive] = ['data', 'archive'].map((alias) => join(running.pathOf('worker-1', alias), name));
  assert.ok(data !== undefined && archive !== undefined);
  assertSameTree(archive, data);
  assert.deepEqual(temporariesBelow(archive), []);
  const after = finishedFiles(running, name);
  for (const [file, identity] of before) assert.equal(after.get(file), identity, `${file} was written again`);
}

async function killAgent(running: Cluster): Promise<void> {
  await startPaced(running, 'agent-killed');
  const agent = running.playground.agent('worker-1');
  await agent.kill('SIGKILL');
  const before = finishedFiles(running, 'agent-killed');
  assert.ok(before.size >= 6 && before.size < fileCount, `${before.size} files were finished`);
  await agent.start();
  await assertCompleted(running, 'agent-killed', before);
  const job = await running.job('agent-killed');
  assert.ok((job?.status?.progress?.filesUnchanged ?? 0) >= before.size, JSON.stringify(job?.status?.progress));
}

async function killOperator(running: Cluster): Promise<void> {
  await startPaced(running, 'operator-killed');
  const [shard] = await running.shards();
  await running.playground.operator.kill('SIGKILL');
  const archive = join(running.pathOf('worker-1', 'archive'), 'operator-killed');
  const atKill = bytesIn(archive);
  await setTimeout(3_000);
  const meanwhile = bytesIn(archive);
  assert.ok(meanwhile >= atKill + 6 * MiB, `${meanwhile - atKill} bytes in 3 s without an operator`);
  const pid = running.playground.agent('worker-1').pid;
  await running.playground.operator.process.start();
  const readyAt = bytesIn(archive);
  await setTimeout(1_000);
  assert.ok(bytesIn(archive) >= readyAt + 2 * MiB, 'nothing is stopped by the cold start');
  assert.deepEqual(
    (await running.shards()).map(({ metadata }) => metadata.uid),
    [shard?.metadata.uid],
  );
  await assertCompleted(running, 'operator-killed', finishedFiles(running, 'operator-killed'));
  const job = await running.job('operator-killed');
  // One pass: had the copy been stopped and begun anew, files would have been found equal.
  assert.equal(job?.status?.progress?.filesUnchanged, 0);
  assert.equal(job?.status?.progress?.filesDone, fileCount);
  assert.equal(running.playground.agent('worker-1').pid, pid);
}

async function restartOperator(running: Cluster): Promise<void> {
  await startPaced(running, 'operator-restarted');
  await running.playground.operator.restart('SIGTERM');
  await assertCompleted(running, 'operator-restarted', finishedFiles(running, 'operator-restarted'));
  assert.equal((await running.job('operator-restarted'))?.status?.progress?.filesUnchanged, 0);
}

async function killAll(running: Cluster): Promise<void> {
  await startPaced(running, 'all-killed');
  const { controlPlane, operator } = running.playground;
  const agent = running.playground.agent('worker-1');
  await Promise.all([agent.kill('SIGKILL'), operator.kill('SIGKILL'), controlPlane.stopApiServer()]);
  const before = finishedFiles(running, 'all-killed');
  // The agent goes on by its lease before there is anybody to ask.
  await agent.start();
  await controlPlane.startApiServer();
  await operator.process.start();
  await assertCompleted(running, 'all-killed', before);
}
