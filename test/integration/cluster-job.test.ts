import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kubernetesProgram, lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { type Cluster, cluster, conditionOf, namespace } from '../support/cluster.ts';
import { assertSameTree } from '../support/compare-trees.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';

const MiB = 1024 ** 2;
const limit = 2 * MiB;
/** Thirty seconds at the limit. */
const paced = 60 * MiB;

test('a job is applied with kubectl, carried out by an agent, and watched', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { memoryBytes: 4 * 1024 ** 3 });
  await t.test('kubectl apply of a job on /usr/share ends Complete with the same tree', (t) => copyUsrShare(t, running));
  await t.test('kubectl get -w shows phase, percent, rate and time left move', (t) => watchPacedJob(t, running));
  await t.test('kubectl describe shows the events in their order', () => readEvents(running));
  await t.test('a failed file is named in the status and makes the job Failed', () => failOneFile(running));
  await t.test('an agent that has nothing to copy from says so', () => copyNothing(running));
});

/** The tree that is copied; smaller installations have less in it, but each has it. */
const share = '/usr/share';
/** The job that the README applies. */
const example = join(import.meta.dirname, '..', '..', 'examples', 'cluster', 'transferjob.yaml');

async function copyUsrShare(t: TestContext, { playground, pathOf }: Cluster): Promise<void> {
  if (!existsSync(share)) return t.skip(`this host has no ${share}`);
  await addRoot(playground, share);
  const { controlPlane } = playground;
  await controlPlane.kubectl(['apply', '-f', example]);
  // The example is slow so that there is something to see; the README says that this can be changed while it runs.
  await controlPlane.kubectl(['patch', 'tj', 'share', '-n', namespace, '--type=merge', '-p', '{"spec":{"bandwidth":null}}']);
  const waited = await controlPlane.kubectl(['wait', '-n', namespace, '--for=condition=Complete', '--timeout=240s', 'tj/share']);
  assert.match(waited, /condition met/);
  assertSameTree(join(pathOf('worker-1', 'archive'), 'share'), share);
}

/** Gives the agent of worker-1 one more root in its own configuration, and a policy that opens it. */
async function addRoot(playground: Cluster['playground'], path: string): Promise<void> {
  const agent = playground.agent('worker-1');
  await agent.process.stop();
  const roots = [...agent.place.roots, { alias: 'share', hostPath: '/mnt/share', path }];
  await writeFile(agent.configurationFile, JSON.stringify({ roots }));
  await agent.start();
  await playground.applyPolicy('share', { namespaceSelector: {}, roots: [{ alias: 'share', hostPath: '/mnt/share' }] });
}

async function watchPacedJob(t: TestContext, running: Cluster): Promise<void> {
  const { playground, pathOf } = running;
  plantTree(
    join(pathOf('worker-1', 'data'), 'paced'),
    Object.fromEntries(range(30).map((index) => [`${index}.bin`, randomBytes(paced / 30)])),
  );
  const watch = startWatch(t, playground.controlPlane.adminKubeconfig);
  await running.createJob({ name: 'paced', spec: { bandwidth: { limit } } });
  const waiting = playground.controlPlane.kubectl(['wait', '-n', namespace, '--for=condition=Complete', '--timeout=120s', 'tj/paced']);
  await waiting;
  const job = await running.untilComplete('paced');
  assertSameTree(join(pathOf('worker-1', 'archive'), 'paced'), join(pathOf('worker-1', 'data'), 'paced'));

  const { startTime, completionTime } = job.status ?? {};
  const seconds = (Date.parse(completionTime ?? '') - Date.parse(startTime ?? '')) / 1000;
  assert.ok(seconds >= 26 && seconds <= 40, `60 MiB at 2 MiB/s took ${seconds} s`);

  const rows = await eventually('the watch shows the end', () => {
    const seen = watch().filter(({ name }) => name === 'paced');
    return seen.some(({ phase }) => phase === 'Complete') && seen;
  });
  const phases = rows.map(({ phase }) => phase).filter((phase) => phase !== '');
  assert.ok(phases.includes('Running') && phases.at(-1) === 'Complete', phases.join());
  const percents = rows.flatMap(({ progress }) => (/^\d+%$/.test(progress) ? [Number.parseInt(progress, 10)] : []));
  assert.ok(new Set(percents).size >= 10, `percents: ${percents.join()}`);
  assert.deepEqual(
    percents,
    percents.toSorted((a, b) => a - b),
    'the percentage never runs backwards',
  );
  const midway = rows.filter(({ phase, eta }) => phase === 'Running' && eta !== '');
  assert.ok(new Set(midway.map(({ eta }) => eta)).size >= 5, `times left: ${midway.map(({ eta }) => eta).join()}`);
  assert.ok(
    midway.some(({ rate }) => /^(1\.[89]|2\.[0-2]) MiB\/s$/.test(rate)),
    `rates: ${midway.map(({ rate }) => rate).join()}`,
  );
}

interface Row {
  readonly name: string;
  readonly phase: string;
  readonly progress: string;
  readonly rate: string;
  readonly eta: string;
}

/** `kubectl get tj -w`, as a person starts it. @returns what it has shown so far, by its columns */
function startWatch(t: TestContext, kubeconfig: string): () => readonly Row[] {
  const child = spawn(kubernetesProgram('kubectl'), ['get', 'tj', '-n', namespace, '-w', `--kubeconfig=${kubeconfig}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  cleanUp(t, () => void child.kill('SIGKILL'));
  return () => {
    const [header = '', ...lines] = text.split('\n');
    const columns = ['NAME', 'PHASE', 'PROGRESS', 'RATE', 'ETA', 'AGE'].map((name) => header.indexOf(name));
    const cell = (line: string, index: number): string => line.slice(columns[index], columns[index + 1]).trim();
    return lines.map((line) => ({
      name: cell(line, 0),
      phase: cell(line, 1),
      progress: cell(line, 2),
      rate: cell(line, 3),
      eta: cell(line, 4),
    }));
  };
}

async function readEvents({ playground }: Cluster): Promise<void> {
  const described = await playground.controlPlane.kubectl(['describe', 'tj', '-n', namespace, 'paced']);
  const [, table = ''] = described.split('\nEvents:\n');
  const reasons = table
    .split('\n')
    .slice(2)
    .flatMap((line) => line.trim().split(/\s+/)[1] ?? []);
  assert.deepEqual(reasons, ['Scheduled', 'Started', 'Completed'], table);
}

async function failOneFile(running: Cluster): Promise<void> {
  const { playground, pathOf } = running;
  plantTree(join(pathOf('worker-1', 'data'), 'conflict'), { good: 'x', bad: 'y' });
  // A directory where a file is to go: nothing is ever deleted for it.
  plantTree(join(pathOf('worker-1', 'archive'), 'conflict'), { bad: { inside: 'z' } });
  await running.createJob({ name: 'conflict' });
  const job = await running.untilJob('conflict', 'has failed', ({ status }) => status?.phase === 'Failed');
  assert.equal(conditionOf(job, 'Failed')?.reason, 'EntriesFailed');
  assert.equal(conditionOf(job, 'Ready')?.status, 'False');
  assert.equal(conditionOf(job, 'Stalled')?.status, 'True');
  assert.deepEqual(
    job.status?.errors?.map(({ reason, path, side }) => ({ reason, path, side })),
    [{ reason: 'TypeConflict', path: 'bad', side: 'Destination' }],
  );
  const shown = await playground.controlPlane.kubectl(['get', 'tj', '-n', namespace, 'conflict', '-o', 'wide']);
  assert.match(shown, /Failed .* EntriesFailed/);
}

async function copyNothing(running: Cluster): Promise<void> {
  await running.createJob({ name: 'missing' });
  const job = await running.untilJob('missing', 'has failed', ({ status }) => status?.phase === 'Failed');
  assert.match(conditionOf(job, 'Failed')?.message ?? '', /data|missing/);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
