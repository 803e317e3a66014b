import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { group, version } from '@smartcopy/crds';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster, conditionOf, namespace } from '../support/cluster.ts';
import { plantTree } from '../support/tree.ts';

const policies = `/apis/${group}/${version}/transferpolicies`;
const data = { alias: 'data', hostPath: '/mnt/data', access: 'ReadOnly' };
const archive = { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' };
const everywhere = { matchLabels: { team: namespace } };

test('what no policy opens is closed, and every denial heals when its cause goes', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { isOpen: false });
  const { playground } = running;
  plantTree(join(running.pathOf('worker-1', 'data'), 'tree'), { file: 'x' });
  const remove = async (name: string): Promise<void> => void (await playground.controlPlane.request('DELETE', `${policies}/${name}`));

  await t.test('no policy for the namespace', async () => {
    await playground.applyPolicy('other', { namespaceSelector: { matchLabels: { team: 'another' } }, roots: [data, archive] });
    await createHeld(running, 'none', ['Authorized', 'NoPolicy']);
    await running.open();
    await running.untilComplete('none');
  });

  await t.test('a root that no policy opens', async () => {
    await playground.applyPolicy('roots', { namespaceSelector: everywhere, roots: [data] });
    await createHeld(running, 'outside', ['Authorized', 'PathDenied']);
    await running.open();
    await running.untilComplete('outside');
  });

  await t.test('a read-only root as destination', async () => {
    await playground.applyPolicy('roots', { namespaceSelector: everywhere, roots: [data, { ...archive, access: 'ReadOnly' }] });
    await createHeld(running, 'readonly', ['Authorized', 'AccessDenied']);
    await running.open();
    await running.untilComplete('readonly');
  });

  await t.test('two policies that open the alias differently', async () => {
    await playground.applyPolicy('second', { namespaceSelector: {}, roots: [{ ...archive, subPath: 'elsewhere' }] });
    await createHeld(running, 'conflict', ['Authorized', 'AliasConflict']);
    const shown = await playground.controlPlane.kubectl(['get', 'tpol', 'second']);
    assert.match(shown, /False +AliasConflict/);
    await remove('second');
    await running.untilComplete('conflict');
  });

  await t.test('a root that the agent has not mounted', async () => {
    await playground.applyPolicy('roots', { namespaceSelector: everywhere, roots: [data, { ...archive, hostPath: '/mnt/other' }] });
    await createHeld(running, 'unmounted', ['Scheduled', 'RootNotMounted']);
    const agent = playground.agent('worker-1');
    await agent.process.stop();
    const { roots } = agent.place;
    await writeFile(
      agent.configurationFile,
      JSON.stringify({
        roots: [...roots, { ...archive, access: undefined, hostPath: '/mnt/other', path: running.pathOf('worker-1', 'archive') }],
      }),
    );
    await agent.start();
    await running.untilComplete('unmounted');
    await running.open();
  });

  await t.test('a node that does not exist', async () => {
    await running.createJob({ name: 'nowhere', node: 'worker-9', path: 'tree' });
    await assertHeld(running, 'nowhere', ['Scheduled', 'NodeUnavailable']);
    await running.deleteJob('nowhere');
    await running.untilGone('nowhere');
  });

  await t.test('ends on two nodes', async () => {
    const end = (root: string, nodeName: string): object => ({ nodePath: { root, path: 'tree', nodeName } });
    await running.createJob({ name: 'apart', spec: { source: end('data', 'worker-1'), destination: end('archive', 'worker-2') } });
    await assertHeld(running, 'apart', ['Scheduled', 'NodesDiffer']);
    // Nothing has begun, so the job may still be corrected.
    await running.patchJob('apart', { spec: { destination: end('archive', 'worker-1') } });
    await running.untilComplete('apart');
  });

  await t.test('a policy that goes while the job runs stops it, and its return lets it go on', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index}`, 'x'.repeat(1024 * 1024)]));
    plantTree(join(running.pathOf('worker-1', 'data'), 'revoked'), files);
    await running.createJob({ name: 'revoked', spec: { bandwidth: { limit: '3Mi' } } });
    await running.untilJob('revoked', 'runs', ({ status }) => status?.phase === 'Running');
    await remove('roots');
    await running.untilJob(
      'revoked',
      'is denied and at rest',
      (job) => job.status?.phase === 'Pending' && conditionOf(job, 'Authorized')?.reason === 'NoPolicy',
    );
    await running.open();
    await running.patchJob('revoked', { spec: { bandwidth: null } });
    await running.untilComplete('revoked');
  });

  await t.test('each namespace has its own directory below a root with a placeholder', async () => {
    await playground.applyPolicy('roots', { namespaceSelector: everywhere, roots: [data, { ...archive, subPath: 'tenants/{namespace}' }] });
    plantTree(join(running.pathOf('worker-1', 'data'), 'tenant'), { file: 'x' });
    await running.createJob({ name: 'tenant' });
    await running.untilComplete('tenant');
    const copy = join(running.pathOf('worker-1', 'archive'), 'tenants', namespace, 'tenant', 'file');
    assert.equal(readFileSync(copy, 'utf8'), 'x');
  });
});

type Held = readonly [type: string, reason: string];

/** Creates a job that must not be carried out, and waits until it says why. */
async function createHeld(running: Cluster, name: string, held: Held): Promise<void> {
  await running.createJob({ name, path: 'tree' });
  await assertHeld(running, name, held);
}

async function assertHeld(running: Cluster, name: string, [type, reason]: Held): Promise<void> {
  const job = await running.untilJob(name, `has ${type} False for ${reason}`, (seen) => {
    const condition = conditionOf(seen, type);
    return condition?.status === 'False' && condition.reason === reason;
  });
  assert.equal(job.status?.phase, 'Pending');
  assert.equal(conditionOf(job, 'Complete')?.reason, reason, 'the column Reason shows it');
  assert.notEqual(conditionOf(job, type)?.message, '');
  assert.deepEqual(await running.shards(), []);
}
