import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { AssignmentReport, TransferJobStatus } from '@smartcopy/crds';
import { z } from 'zod';
import { progressOf, reportOf, succeeded } from '../../operator/test/transfer-job/job-cases.ts';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorInProcess, SpokenAgent } from '../support/operator-in-process.ts';

const group = '/apis/smartcopy.io/v1alpha1';
const policy = {
  apiVersion: 'smartcopy.io/v1alpha1',
  kind: 'TransferPolicy',
  metadata: { name: 'open' },
  spec: {
    namespaceSelector: {},
    roots: [
      { alias: 'scratch', hostPath: '/mnt/scratch' },
      { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' },
    ],
  },
};
const events = z.object({
  items: z.array(
    z.object({
      reason: z.string(),
      involvedObject: z.object({ name: z.string() }),
      eventTime: z.string().nullish(),
      count: z.int().optional(),
    }),
  ),
});
const kept = z.object({ metadata: z.object({ resourceVersion: z.string(), uid: z.string() }) });

suite('jobs over a real API server', { skip: lacksControlPlane() }, () => {
  let started: ControlPlane | undefined;
  const plane = (): ControlPlane => {
    assert.ok(started !== undefined);
    return started;
  };

  before(async () => {
    started = await startControlPlane();
    await started.kubectl(['apply', '-f', join(import.meta.dirname, '../../crds/manifests')]);
    await started.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    for (const name of ['climate', 'smartcopy-system']) await started.request('POST', '/api/v1/namespaces', { metadata: { name } });
    await started.request('POST', '/api/v1/nodes', { metadata: { name: 'worker-1' } });
    await started.request('POST', `${group}/transferpolicies`, policy);
  });
  after(() => started?.stop());

  async function operate(t: TestContext): Promise<OperatorInProcess> {
    const operator = new OperatorInProcess();
    await operator.start(plane().adminKubeconfig);
    cleanUp(t, () => operator.stop());
    return operator;
  }

  const pathOf = (name: string): string => `${group}/namespaces/climate/transferjobs/${name}`;

  async function createJob(name: string, spec: object = {}): Promise<void> {
    const end = (root: string) => ({ nodePath: { root, path: name, nodeName: 'worker-1' } });
    await plane().request('POST', `${group}/namespaces/climate/transferjobs`, {
      apiVersion: 'smartcopy.io/v1alpha1',
      kind: 'TransferJob',
      metadata: { name },
      spec: { source: end('scratch'), destination: end('archive'), ...spec },
    });
  }

  const patch = (path: string, body: object): Promise<unknown> => plane().request('PATCH', path, body);

  async function eventReasons(name: string): Promise<readonly string[]> {
    const { items } = events.parse(await plane().request('GET', '/api/v1/namespaces/climate/events'));
    return items
      .filter(({ involvedObject }) => involvedObject.name === name)
      .sort((a, b) => ((a.eventTime ?? '') < (b.eventTime ?? '') ? -1 : 1))
      .map(({ reason }) => reason);
  }

  /** How often an event was counted. */
  async function countOf(name: string, reason: string): Promise<number | undefined> {
    const { items } = events.parse(await plane().request('GET', '/api/v1/namespaces/climate/events'));
    return items.find((event) => event.involvedObject.name === name && event.reason === reason)?.count;
  }

  /** Events are written in the background. */
  async function untilTold(name: string, reasons: readonly string[]): Promise<void> {
    let told = await eventReasons(name);
    for (let tries = 0; told.length < reasons.length && tries < 100; tries += 1) {
      await setTimeout(50);
      told = await eventReasons(name);
    }
    assert.deepEqual(told, reasons);
  }

  /** A changed schema takes effect a little after it was accepted. */
  async function untilAccepted(create: () => Promise<void>, tries = 50): Promise<void> {
    try {
      await create();
    } catch (error) {
      if (tries === 0) throw error;
      await setTimeout(100);
      await untilAccepted(create, tries - 1);
    }
  }

  const schemaOf = '/spec/versions/0/schema/openAPIV3Schema/properties';

  /** Lets the API server take one more value than this version can read, until the test ends. */
  async function widen(t: TestContext, { plural, enumPath, index }: { plural: string; enumPath: string; index: number }): Promise<void> {
    const change = (operation: object) =>
      plane().kubectl(['patch', 'crd', `${plural}.smartcopy.io`, '--type=json', '-p', JSON.stringify([operation])]);
    await change({ op: 'add', path: `${enumPath}/-`, value: 'Newer' });
    cleanUp(t, () => change({ op: 'remove', path: `${enumPath}/${index}` }).then(() => undefined));
  }

  const statusIn = (operator: OperatorInProcess, name: string): TransferJobStatus | undefined =>
    operator.stores.jobs.get({ namespace: 'climate', name })?.status;
  const reasonIn = (operator: OperatorInProcess, name: string): string | undefined =>
    statusIn(operator, name)?.conditions?.find(({ type }) => type === 'Complete')?.reason;
  const shardIn = (operator: OperatorInProcess, name: string) => operator.stores.shards.by('job', `climate/${name}`)[0];

  /** What the agent says of the job's shard. */
  function say(operator: OperatorInProcess, name: string, report: Partial<AssignmentReport> = {}): AssignmentReport {
    const shard = shardIn(operator, name);
    assert.ok(shard !== undefined);
    const progress = progressOf({ bytesTotal: 2_000, bytesDone: 1_000, totalsFinal: true }, 100);
    return reportOf({ assignment: shard.metadata.name, startedForMs: 50, firstByteForMs: 20, progress, ...report });
  }

  async function untilRunning(operator: OperatorInProcess, agent: SpokenAgent, name: string): Promise<void> {
    await agent.sync();
    await eventually('the shard', () => shardIn(operator, name));
    const { assignments } = await agent.sync();
    assert.ok(assignments.some(({ spec }) => spec.job.name === name));
    await agent.sync(say(operator, name));
    await eventually('Running', () => statusIn(operator, name)?.phase === 'Running');
  }

  async function untilGone(operator: OperatorInProcess, name: string): Promise<void> {
    await eventually('the job is gone', () => !operator.stores.jobs.has({ namespace: 'climate', name }));
    await eventually('its shard is gone', () => shardIn(operator, name) === undefined);
  }

  test('a job waits for its agent, runs, completes and leaves nothing behind', async (t) => {
    const operator = await operate(t);
    await createJob('whole');
    await eventually('AgentUnavailable', () => reasonIn(operator, 'whole') === 'AgentUnavailable');
    const agent = new SpokenAgent(operator, 'worker-1');
    await untilRunning(operator, agent, 'whole');
    const { outcome, progress, engineUsed } = succeeded;
    await agent.sync(say(operator, 'whole', { state: 'Succeeded', outcome, progress, engineUsed }));

    await eventually('Complete', () => statusIn(operator, 'whole')?.phase === 'Complete');
    await eventually('no shard', () => shardIn(operator, 'whole') === undefined);
    await eventually(
      'no finalizer',
      () => operator.stores.jobs.get({ namespace: 'climate', name: 'whole' })?.metadata.finalizers.length === 0,
    );
    await plane().kubectl(['wait', '--for=condition=Ready', 'tj/whole', '-n', 'climate', '--timeout=5s']);
    assert.deepEqual(statusIn(operator, 'whole')?.progress?.summary, { progress: '100%', rate: '0 B/s' });
    assert.equal(operator.finished[0]?.result, 'Complete');
    assert.equal(operator.firstBytes.length, 1);
    await untilTold('whole', ['AgentUnavailable', 'Scheduled', 'Started', 'Completed']);
    const written = kept.parse(await plane().request('GET', pathOf('whole')));
    await setTimeout(300);
    assert.deepEqual(kept.parse(await plane().request('GET', pathOf('whole'))), written, 'what has ended is left alone');
    t.diagnostic(`writes: ${operator.writes.join(', ')}`);
  });

  test('a job that is suspended rests, and goes on with the same shard', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('rest');
    await untilRunning(operator, agent, 'rest');
    const shard = shardIn(operator, 'rest')?.metadata.uid;
    await patch(pathOf('rest'), { spec: { suspend: true } });
    await eventually('Stopping', () => reasonIn(operator, 'rest') === 'Stopping');
    const { assignments } = await agent.sync(say(operator, 'rest'));
    assert.deepEqual(assignments, []);
    await agent.sync(say(operator, 'rest', { state: 'Stopping' }));
    assert.notEqual(statusIn(operator, 'rest')?.phase, 'Suspended', 'threads are still at work');
    await agent.sync(say(operator, 'rest', { state: 'Stopped' }));
    await eventually('Suspended', () => statusIn(operator, 'rest')?.phase === 'Suspended');
    assert.equal(statusIn(operator, 'rest')?.progress?.bytesPerSecond, 0);
    await patch(pathOf('rest'), { spec: { suspend: false } });
    await eventually('handed out again', () => reasonIn(operator, 'rest') === 'Assigned');
    assert.equal((await agent.sync()).assignments.length, 1);
    await agent.sync(say(operator, 'rest'));
    await eventually('Running', () => statusIn(operator, 'rest')?.phase === 'Running');
    assert.equal(shardIn(operator, 'rest')?.metadata.uid, shard);
    await agent.sync(say(operator, 'rest', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(operator, 'rest')?.phase === 'Complete');
  });

  test('work that a policy no longer allows is withdrawn, and goes on when it is allowed again', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('denied');
    await untilRunning(operator, agent, 'denied');
    const shard = shardIn(operator, 'denied')?.metadata.uid;
    await plane().request('DELETE', `${group}/transferpolicies/open`);
    cleanUp(t, () =>
      plane()
        .kubectl(['apply', '-f', '-'], { input: JSON.stringify(policy) })
        .then(() => undefined),
    );
    await eventually('NoPolicy', () => reasonIn(operator, 'denied') === 'NoPolicy');
    assert.deepEqual((await agent.sync(say(operator, 'denied'))).assignments, []);
    await eventually('the denial is counted', () => operator.denials.length === 1);
    assert.equal(shardIn(operator, 'denied')?.metadata.uid, shard);
    await plane().request('POST', `${group}/transferpolicies`, policy);
    await eventually('allowed', () => reasonIn(operator, 'denied') !== 'NoPolicy');
    assert.equal((await agent.sync()).assignments.length, 1);
    await eventually(
      'the policy is ready',
      () => operator.stores.policies.get({ namespace: '', name: 'open' })?.status?.conditions?.[0]?.status === 'True',
    );
    await agent.sync(say(operator, 'denied', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(operator, 'denied')?.phase === 'Complete');
  });

  test('a job that is deleted goes when its agent has let go of its shard', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('deleted');
    await untilRunning(operator, agent, 'deleted');
    await plane().request('DELETE', pathOf('deleted'));
    await eventually('Deleting', () => reasonIn(operator, 'deleted') === 'Deleting');
    assert.deepEqual((await agent.sync(say(operator, 'deleted'))).assignments, []);
    assert.ok(shardIn(operator, 'deleted') !== undefined, 'the agent has not said that it has stopped');
    await agent.sync();
    await untilGone(operator, 'deleted');
  });

  test('a job that is deleted goes when the lease of its dead agent has ended', async (t) => {
    const operator = await operate(t);
    await createJob('dead');
    await untilRunning(operator, new SpokenAgent(operator, 'worker-1'), 'dead');
    const beganMs = performance.now();
    await plane().request('DELETE', pathOf('dead'));
    await untilGone(operator, 'dead');
    assert.ok(performance.now() - beganMs > 1_500, 'not before the lease has ended');
  });

  test('a job whose finalizer was stripped leaves no shard', async (t) => {
    const operator = await operate(t);
    await createJob('stripped');
    await untilRunning(operator, new SpokenAgent(operator, 'worker-1'), 'stripped');
    await plane().request('DELETE', pathOf('stripped'));
    await patch(pathOf('stripped'), { metadata: { finalizers: [] } });
    await untilGone(operator, 'stripped');
  });

  test('an operator that takes over stops nothing and makes no second shard', async (t) => {
    const first = await operate(t);
    const agent = new SpokenAgent(first, 'worker-1');
    await createJob('taken');
    await untilRunning(first, agent, 'taken');
    const { revision } = await agent.sync(say(first, 'taken'));
    const shard = shardIn(first, 'taken')?.metadata.uid;
    await first.stop();

    const second = await operate(t);
    agent.operator = second;
    assert.equal((await agent.sync(say(second, 'taken'))).revision, revision);
    assert.equal(statusIn(second, 'taken')?.phase, 'Running');
    await agent.sync(say(second, 'taken', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(second, 'taken')?.phase === 'Complete');
    await eventually('no shard', () => shardIn(second, 'taken') === undefined);
    assert.ok(!second.writes.includes('create transfershards'));
    assert.ok(shard !== undefined);
  });

  test('a job whose shard is refused says so once, and starts when it is not', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await agent.sync();
    const forbid = await forbidShards(t);
    await createJob('refused');
    await eventually('ShardNotCreated', () => reasonIn(operator, 'refused') === 'ShardNotCreated');
    const scheduled = statusIn(operator, 'refused')?.conditions?.find(({ type }) => type === 'Scheduled');
    assert.match(scheduled?.message ?? '', /^the job's shard could not be created, .*no shards today/);
    await eventually('another attempt', () => operator.writes.filter((write) => write === 'create transfershards').length > 3);
    await untilTold('refused', ['ShardNotCreated']);
    await forbid.end();
    await untilRunning(operator, agent, 'refused');
    await agent.sync(say(operator, 'refused', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(operator, 'refused')?.phase === 'Complete');
  });

  /** Makes an admission policy refuse every shard, until it is told to end or the test does. */
  async function forbidShards(t: TestContext): Promise<{ end: () => Promise<void> }> {
    const registration = '/apis/admissionregistration.k8s.io/v1';
    const [policies, bindings] = [`${registration}/validatingadmissionpolicies`, `${registration}/validatingadmissionpolicybindings`];
    const rule = { apiGroups: ['smartcopy.io'], apiVersions: ['*'], operations: ['CREATE'], resources: ['transfershards'] };
    await plane().request('POST', policies, {
      metadata: { name: 'no-shards' },
      spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'false', message: 'no shards today' }] },
    });
    await plane().request('POST', bindings, {
      metadata: { name: 'no-shards' },
      spec: { policyName: 'no-shards', validationActions: ['Deny'] },
    });
    const end = async (): Promise<void> => {
      const kinds = 'validatingadmissionpolicybinding,validatingadmissionpolicy';
      await plane().kubectl(['delete', '--ignore-not-found', kinds, 'no-shards']);
    };
    cleanUp(t, end);
    const spec = { jobRef: { namespace: 'climate', name: 'none' }, jobUID: 'ffffffff-0', run: 1, index: 0, node: 'worker-1', epoch: 1 };
    const shard = {
      apiVersion: 'smartcopy.io/v1alpha1',
      kind: 'TransferShard',
      metadata: { name: 'ffffffff-r1-0' },
      spec: { ...spec, leaseSeconds: 2 },
    };
    const shards = `${group}/namespaces/smartcopy-system/transfershards?dryRun=All`;
    await eventually('the policy is in force', async () =>
      plane()
        .request('POST', shards, shard)
        .then(
          () => false,
          (error: unknown) => String(error).includes('no shards today'),
        ),
    );
    return { end };
  }

  test('a shard that this version cannot read is neither made anew nor let go of', async (t) => {
    await widen(t, { plural: 'transfershards', enumPath: `${schemaOf}/status/properties/state/enum`, index: 3 });
    const first = await operate(t);
    const agent = new SpokenAgent(first, 'worker-1');
    await createJob('unread');
    await untilRunning(first, agent, 'unread');
    const shard = shardIn(first, 'unread')?.metadata;
    assert.ok(shard !== undefined);
    const shardPath = `${group}/namespaces/smartcopy-system/transfershards/${shard.name}`;
    const setState = (state: string) => untilAccepted(async () => void (await patch(`${shardPath}/status`, { status: { state } })));
    await setState('Newer');
    await eventually('ShardUnreadable', () => reasonIn(first, 'unread') === 'ShardUnreadable');
    assert.equal((await agent.sync(say(first, 'unread'))).assignments.length, 1, 'what is under way goes on');
    await setState('Assigned');
    await eventually('read again', () => reasonIn(first, 'unread') === 'Running');
    await setState('Newer');
    await eventually('ShardUnreadable', () => reasonIn(first, 'unread') === 'ShardUnreadable');
    await first.stop();

    // This one has never read the shard.
    const second = await operate(t);
    agent.operator = second;
    await agent.sync();
    await plane().request('DELETE', pathOf('unread'));
    await eventually('deletion seen', () => second.stores.jobs.get({ namespace: 'climate', name: 'unread' })?.metadata.deletionTimestamp);
    await setTimeout(300);
    assert.equal(reasonIn(second, 'unread'), 'ShardUnreadable');
    const kept = second.stores.jobs.get({ namespace: 'climate', name: 'unread' });
    assert.deepEqual(kept?.metadata.finalizers, ['smartcopy.io/shards']);
    assert.ok(!second.writes.some((write) => /^(create|delete|update) transfershards/.test(write)), second.writes.join(', '));
    await plane().request('DELETE', shardPath);
    await untilGone(second, 'unread');
  });

  test('a policy that this version cannot read opens nothing, and says so', async (t) => {
    const enumPath = `${schemaOf}/spec/properties/roots/items/properties/access/enum`;
    await widen(t, { plural: 'transferpolicies', enumPath, index: 3 });
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('shut');
    await untilRunning(operator, agent, 'shut');
    const writes = () => operator.writes.filter((write) => write === 'update transferpolicies/status').length;
    const writesBefore = writes();
    const access = (value: string) => ({ spec: { roots: policy.spec.roots.map((root) => ({ ...root, access: value })) } });
    await untilAccepted(async () => void (await patch(`${group}/transferpolicies/open`, access('Newer'))));
    cleanUp(t, async () => void (await patch(`${group}/transferpolicies/open`, { spec: policy.spec })));
    await eventually('PolicyUnreadable', () => reasonIn(operator, 'shut') === 'PolicyUnreadable');
    assert.deepEqual((await agent.sync(say(operator, 'shut'))).assignments, []);
    await plane().kubectl(['wait', '--for=condition=Ready=False', 'tpol/open', '--timeout=10s']);
    assert.match(await plane().kubectl(['get', 'tpol', 'open']), /False +Unreadable +\d+ +scratch/);
    await setTimeout(300);
    assert.equal(writes(), writesBefore + 1, 'it is said once');

    await patch(`${group}/transferpolicies/open`, { spec: policy.spec });
    await eventually('allowed', () => reasonIn(operator, 'shut') !== 'PolicyUnreadable');
    assert.equal((await agent.sync()).assignments.length, 1);
    await plane().kubectl(['wait', '--for=condition=Ready', 'tpol/open', '--timeout=10s']);
    await agent.sync(say(operator, 'shut', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(operator, 'shut')?.phase === 'Complete');
  });

  test('a job that has ended says that it has seen a change of its spec, and nothing else', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('over');
    await untilRunning(operator, agent, 'over');
    await agent.sync(say(operator, 'over', { state: 'Succeeded' }));
    const job = () => operator.stores.jobs.get({ namespace: 'climate', name: 'over' });
    await eventually('no finalizer', () => job()?.status?.phase === 'Complete' && job()?.metadata.finalizers.length === 0);
    const before = statusIn(operator, 'over');
    await patch(pathOf('over'), { spec: { suspend: true } });
    await eventually('the new generation', () => statusIn(operator, 'over')?.observedGeneration === 2);
    const conditions = before?.conditions?.map((condition) => ({ ...condition, observedGeneration: 2 }));
    assert.deepEqual(statusIn(operator, 'over'), { ...before, observedGeneration: 2, conditions });
    const { resourceVersion } = job()?.metadata ?? {};
    await setTimeout(300);
    assert.equal(job()?.metadata.resourceVersion, resourceVersion, 'it is said once');
  });

  test('a job that this version cannot read disturbs no other, is told so, and can be deleted', async (t) => {
    await widen(t, { plural: 'transferjobs', enumPath: `${schemaOf}/spec/properties/update/enum`, index: 2 });
    const operator = await operate(t);
    await untilAccepted(() => createJob('newer', { update: 'Newer' }));
    await patch(pathOf('newer'), { metadata: { finalizers: ['smartcopy.io/shards'] } });
    await eventually('unreadable', () => operator.stores.jobs.unparsable({ namespace: 'climate', name: 'newer' }));
    await createJob('beside');
    await untilRunning(operator, new SpokenAgent(operator, 'worker-1'), 'beside');
    await untilTold('newer', ['Unreadable']);
    await plane().request('DELETE', pathOf('newer'));
    await untilGone(operator, 'newer');
    await plane().request('DELETE', pathOf('beside'));
    await untilGone(operator, 'beside');
  });

  test('a running job that this version cannot read any more is told so once, and goes on', async (t) => {
    await widen(t, { plural: 'transferjobs', enumPath: `${schemaOf}/status/properties/phase/enum`, index: 7 });
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await agent.sync();
    await createJob('aged');
    await untilRunning(operator, agent, 'aged');
    const setPhase = (phase: string) => patch(`${pathOf('aged')}/status`, { status: { phase } });
    await untilAccepted(async () => void (await setPhase('Newer')));
    await untilTold('aged', ['Scheduled', 'Started', 'Unreadable']);
    for (let index = 0; index < 10; index += 1) {
      assert.equal((await agent.sync(say(operator, 'aged', { startedForMs: 100 + index }))).assignments.length, 1);
      await setTimeout(50);
    }
    assert.equal(await countOf('aged', 'Unreadable'), 1);
    await setPhase('Running');
    await eventually('read again', () => operator.stores.jobs.unparsable({ namespace: 'climate', name: 'aged' }) === undefined);
    await agent.sync(say(operator, 'aged', { state: 'Succeeded' }));
    await eventually('Complete', () => statusIn(operator, 'aged')?.phase === 'Complete');
  });

  test('live status follows the reports, and the stored one at its pace', async (t) => {
    const operator = await operate(t);
    const agent = new SpokenAgent(operator, 'worker-1');
    await createJob('live');
    await untilRunning(operator, agent, 'live');
    const writesBefore = operator.writes.filter((write) => write === 'update transferjobs/status').length;
    for (let index = 0; index < 20; index += 1) {
      await agent.sync(
        say(operator, 'live', { progress: progressOf({ bytesTotal: 2_000, bytesDone: 1_000 + index, totalsFinal: true }, 100) }),
      );
      assert.equal(operator.liveStatus('live')?.progress?.bytesDone, 1_000 + index);
      await setTimeout(100);
    }
    const writes = operator.writes.filter((write) => write === 'update transferjobs/status').length - writesBefore;
    assert.ok(writes >= 1 && writes <= 3, `${writes} writes in 2 s`);
    await plane().request('DELETE', pathOf('live'));
    await eventually('Deleting', () => reasonIn(operator, 'live') === 'Deleting');
    await agent.sync();
    await agent.sync();
    await untilGone(operator, 'live');
  });
});
