import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Allowance, Assignment, SyncRequest, SyncResponse } from '@smartcopy/crds';
import { AgentDirectory, agentLostAfterMs } from '../../src/agents/agent-directory.ts';
import { notAppliedAfterMs } from '../../src/agents/agent-session.ts';
import { revisionOf } from '../../src/agents/revision.ts';
import { SyncRefusedError } from '../../src/agents/sync-refused-error.ts';
import { agentOfNode1, assignmentOf, reportOf, requestOf, shardA, shardB } from './examples.ts';
import { ManualClock } from './manual-clock.ts';

const shardLeaseMs = 120_000;
const leaseMarginMs = 15_000;
const onNode1 = (name: string, leaseMs = shardLeaseMs) => ({ name, node: 'node-1', leaseMs });

/** A directory, the work that it hands out, and time that passes when a test says so. */
class World {
  readonly clock = new ManualClock();
  readonly work = new Map<string, Assignment[]>();
  readonly allowances: Allowance[] = [];
  readonly reported: string[] = [];
  readonly changed: string[] = [];
  isReady = true;
  readonly directory = new AgentDirectory({
    clock: this.clock,
    startedAtMs: this.clock.monotonicMs(),
    leaseMarginMs,
    workFor: (node) => ({ assignments: this.work.get(node) ?? [], allowances: this.allowances }),
    isReady: () => this.isReady,
  });
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    this.directory.onReport((shard) => this.reported.push(shard));
    this.directory.onAgentChange((node) => this.changed.push(node));
  }

  pass(ms: number): void {
    this.clock.pass(ms);
    this.#t.mock.timers.tick(ms);
  }

  setWork(...assignments: Assignment[]): void {
    this.work.set('node-1', assignments);
    this.directory.nodeChanged('node-1');
  }

  revision(): string {
    return revisionOf(this.work.get('node-1') ?? []);
  }

  sync(changes: Partial<SyncRequest> = {}, agent = agentOfNode1, signal = new AbortController().signal): Promise<SyncResponse> {
    return this.directory.sync(agent, requestOf(changes), signal);
  }

  /** A request that has begun to be held, and whether it has been answered. */
  async held(changes: Partial<SyncRequest> = {}, signal?: AbortSignal) {
    const state = { answered: false };
    const answer = this.sync({ appliedRevision: this.revision(), ...changes }, agentOfNode1, signal);
    const settle = () => {
      state.answered = true;
    };
    answer.then(settle, settle);
    await nextTurn();
    assert.equal(state.answered, false, 'it is held');
    const isAnswered = async () => {
      await nextTurn();
      return state.answered;
    };
    return { answer, isAnswered };
  }
}

/** Lets everything that is ready to go on do so. */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function refusalOf(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SyncRefusedError);
  return error.refusal.code;
}

test('an agent that has not applied its set is answered at once, with all of it', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA), assignmentOf(shardB));
  world.allowances.push({ assignment: shardA, bytesPerSecond: 5, validForMs: 15_000 });
  assert.deepEqual(await world.sync(), {
    revision: world.revision(),
    assignments: [assignmentOf(shardA), assignmentOf(shardB)],
    allowances: [{ assignment: shardA, bytesPerSecond: 5, validForMs: 15_000 }],
    nextSyncMs: 0,
  });
});

test('a request is held while there is nothing new, and answered when its time is over', async (t) => {
  const world = new World(t);
  const { answer, isAnswered } = await world.held({ waitMs: 25_000 });
  world.pass(24_999);
  assert.equal(await isAnswered(), false);
  world.pass(1);
  assert.deepEqual((await answer).assignments, []);
});

test('a held request is answered by a change of its own node alone, and only if the set really differs', async (t) => {
  const world = new World(t);
  const { answer, isAnswered } = await world.held();
  world.directory.nodeChanged('node-1');
  world.work.set('node-2', [assignmentOf(shardB)]);
  world.directory.nodeChanged('node-2');
  world.directory.allChanged();
  assert.equal(await isAnswered(), false);
  world.setWork(assignmentOf(shardA));
  assert.deepEqual((await answer).assignments, [assignmentOf(shardA)]);
});

test('allowances are those of the moment of the answer', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA));
  const { answer } = await world.held({ waitMs: 1_000 });
  world.allowances.push({ assignment: shardA, bytesPerSecond: 7, validForMs: 15_000 });
  world.pass(1_000);
  assert.equal((await answer).allowances[0]?.bytesPerSecond, 7);
});

test('a request is not held beyond half of what a lease lasts', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA, { leaseMs: 4_000 }));
  const { isAnswered } = await world.held();
  world.pass(1_999);
  assert.equal(await isAnswered(), false);
  world.pass(1);
  assert.equal(await isAnswered(), true);
});

test('a newer request of the same node ends the older one without work', async (t) => {
  const world = new World(t);
  const first = await world.held();
  const second = await world.held();
  assert.equal(await refusalOf(first.answer), 'NotReady');
  world.setWork(assignmentOf(shardA));
  assert.equal((await second.answer).assignments.length, 1);
});

test('an agent that is gone is not waited for', async (t) => {
  const world = new World(t);
  const gone = new AbortController();
  const { answer } = await world.held({}, gone.signal);
  gone.abort(new Error('gone'));
  await assert.rejects(answer, { message: 'gone' });
});

test('while not everything is known every request is refused, also one that was held before', async (t) => {
  const world = new World(t);
  const { answer } = await world.held();
  world.isReady = false;
  world.setWork(assignmentOf(shardA));
  assert.equal(await refusalOf(answer), 'NotReady');
  assert.equal(await refusalOf(world.sync()), 'NotReady');
});

test('before the operator ends, held requests are answered and later ones refused', async (t) => {
  const world = new World(t);
  const { answer } = await world.held();
  world.directory.releaseAll();
  assert.deepEqual((await answer).assignments, []);
  assert.equal(await refusalOf(world.sync()), 'NotReady');
});

test('an agent that does not take a set is told to wait before it asks again', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA));
  assert.equal((await world.sync()).nextSyncMs, 0);
  assert.equal((await world.sync()).nextSyncMs, 1_000);
});

test('a shard has stopped when the agent was sent a set without it, has applied that, and reports no work on it', async (t) => {
  const world = new World(t);
  const { directory } = world;
  world.setWork(assignmentOf(shardA));
  const withIt = (await world.sync()).revision;
  await world.held({ reports: [reportOf(shardA, 'Running')] });
  assert.equal(directory.isStopped(onNode1(shardA)), false);
  world.setWork();
  await nextTurn();
  assert.equal(directory.isStopped(onNode1(shardA)), false, 'the answer may not have arrived');
  await world.sync({ appliedRevision: withIt, reports: [reportOf(shardA, 'Running')] });
  assert.equal(directory.isStopped(onNode1(shardA)), false, 'it has not applied it');
  await world.held({ reports: [reportOf(shardA, 'Stopping')] });
  assert.equal(directory.isStopped(onNode1(shardA)), false, 'its threads are still at work');
  await world.held({ reports: [reportOf(shardA, 'Stopped')] });
  assert.equal(directory.isStopped(onNode1(shardA)), true);
  await world.held();
  assert.equal(directory.isStopped(onNode1(shardA)), true, 'it has forgotten it');
});

test('a late request that names an old set of the same content does not count as having let go', async (t) => {
  const world = new World(t);
  const { directory } = world;
  const empty = (await world.sync()).revision;
  await world.held({ appliedRevision: empty });
  world.setWork(assignmentOf(shardA)); // Answered; the agent begins with it.
  await nextTurn();
  world.setWork();
  assert.equal(directory.isStopped(onNode1(shardA)), false, 'the last request came before the shard was handed out');
  await world.held({ appliedRevision: empty }); // Sent before the answer above had arrived, and late.
  assert.equal(directory.isStopped(onNode1(shardA)), false);
});

test('a shard that is handed out again has not stopped', async (t) => {
  const world = new World(t);
  await world.sync();
  await world.held();
  assert.equal(world.directory.isStopped(onNode1(shardA)), true);
  world.setWork(assignmentOf(shardA));
  await nextTurn();
  world.setWork();
  assert.equal(world.directory.isStopped(onNode1(shardA)), false);
});

test('a shard of a silent agent has stopped when lease and margin have passed since the last answer that held it', async (t) => {
  const world = new World(t);
  const { directory, clock } = world;
  world.pass(10_000 + leaseMarginMs); // Beyond what an operator before this one may have said.
  world.setWork(assignmentOf(shardA, { leaseMs: 10_000 }));
  const { answer } = await world.held({ waitMs: 3_000 });
  world.pass(3_000);
  await answer;
  world.setWork();
  const shard = onNode1(shardA, 10_000);
  assert.equal(directory.stoppedAtMs(shard), clock.now() + 25_000);
  world.pass(24_999);
  assert.equal(directory.isStopped(shard), false);
  world.pass(1);
  assert.equal(directory.isStopped(shard), true);
  assert.equal(directory.stoppedAtMs(shard), clock.now());
});

test('an operator that has just started waits a lease for shards that it did not create, and only for those', (t) => {
  const { directory, clock, ...world } = new World(t);
  const beganMs = clock.now();
  clock.pass(1_000);
  directory.shardCreated(onNode1(shardB));
  assert.equal(directory.isStopped(onNode1(shardB)), true);
  assert.equal(directory.isStopped(onNode1(shardA)), false);
  assert.equal(directory.stoppedAtMs(onNode1(shardA)), beganMs + shardLeaseMs + leaseMarginMs);
  clock.pass(shardLeaseMs + leaseMarginMs - 1_000);
  assert.equal(directory.isStopped(onNode1(shardA)), true);
  assert.deepEqual(world.changed, []);
});

test('an operator waits for the lease that the shard was given, however short those are that it gives itself', async (t) => {
  const world = new World(t);
  const { directory, clock } = world;
  const hourMs = 3_600_000;
  const beganMs = clock.now();
  world.setWork(assignmentOf(shardB, { leaseMs: 10_000 }));
  await world.sync();
  world.pass(10_000 + leaseMarginMs);
  directory.sweep();
  assert.equal(directory.isStopped(onNode1(shardB, 10_000)), true);
  assert.equal(directory.isStopped(onNode1(shardA, hourMs)), false);
  assert.equal(directory.stoppedAtMs(onNode1(shardA, hourMs)), beganMs + hourMs + leaseMarginMs);
  clock.pass(hourMs - 10_001);
  assert.equal(directory.isStopped(onNode1(shardA, hourMs)), false);
  clock.pass(1);
  assert.equal(directory.isStopped(onNode1(shardA, hourMs)), true);
});

test('that this operator created a shard is not forgotten while another could have given it out', (t) => {
  const { directory, clock } = new World(t);
  directory.shardCreated(onNode1(shardA));
  for (const ms of [1_000, shardLeaseMs + leaseMarginMs - 1_001, 1]) {
    clock.pass(ms);
    directory.sweep();
    assert.equal(directory.isStopped(onNode1(shardA)), true, `${ms}`);
  }
});

test('creating a shard does not shorten the lease of an answer that held it', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA));
  await world.sync();
  world.directory.shardCreated(onNode1(shardA));
  assert.equal(world.directory.isStopped(onNode1(shardA)), false);
});

test('an operator that has just started believes an agent that has let go, without waiting for its lease', async (t) => {
  const world = new World(t);
  const earlier = revisionOf([assignmentOf(shardA)]); // What another operator handed out.
  await world.sync({ appliedRevision: earlier, reports: [reportOf(shardA, 'Running')] });
  assert.equal(world.directory.isStopped(onNode1(shardA)), false);
  await world.held();
  assert.equal(world.directory.isStopped(onNode1(shardA)), true);
});

test('what is reported about a shard is heard from the agent of its node, of its epoch, as it was said last', async (t) => {
  const world = new World(t);
  const { directory } = world;
  await world.sync({ reports: [reportOf(shardA, 'Running', 2)] });
  assert.equal(directory.reportFor({ name: shardA, node: 'node-1', epoch: 2 })?.state, 'Running');
  assert.equal(directory.reportFor({ name: shardA, node: 'node-1', epoch: 1 }), undefined);
  assert.equal(directory.reportFor({ name: shardA, node: 'node-2', epoch: 2 }), undefined);
  assert.equal(directory.reportFor({ name: shardB, node: 'node-1', epoch: 1 }), undefined);
  await world.sync({ reports: [reportOf(shardB, 'Waiting')] });
  assert.equal(directory.reportFor({ name: shardA, node: 'node-1', epoch: 2 }), undefined);
  assert.deepEqual(world.reported, [shardA, shardA, shardB]);
});

test('a newer pod of the node takes the place of the older one, with its held request and its reports', async (t) => {
  const world = new World(t);
  const old = await world.held({ reports: [reportOf(shardA, 'Running')] });
  const newer = { node: 'node-1', podName: 'agent-y', podUid: 'uid-y' };
  await world.directory.sync(newer, requestOf({ instanceId: 'instance-2', waitMs: 0 }), new AbortController().signal);
  assert.equal(await refusalOf(old.answer), 'NotReady');
  assert.equal(world.directory.agentOn('node-1')?.podUid, 'uid-y');
  assert.equal(world.directory.reportFor({ name: shardA, node: 'node-1', epoch: 1 }), undefined);
  assert.equal(world.directory.agents().length, 1);
});

test('listeners learn of agents that come, change, start again, apply a set, are lost and come back', async (t) => {
  const world = new World(t);
  const { directory, changed } = world;
  const learned = () => changed.splice(0);
  const sync = async (changes: Partial<SyncRequest>) => void (await world.sync({ waitMs: 0, ...changes }));
  await sync({});
  assert.deepEqual(learned(), ['node-1'], 'came');
  await sync({});
  assert.deepEqual(learned(), []);
  const applied = { appliedRevision: world.revision() };
  await sync(applied);
  assert.deepEqual(learned(), ['node-1'], 'applied a set');
  await sync(applied);
  assert.deepEqual(learned(), []);
  await sync({ ...applied, instanceId: 'instance-2' });
  assert.deepEqual(learned(), ['node-1'], 'started again');
  const root = { alias: 'scratch', hostPath: '/mnt/scratch', state: 'Missing' } as const;
  await sync({ ...applied, instanceId: 'instance-2', roots: [root] });
  assert.deepEqual(learned(), ['node-1'], 'lost a root');
  world.pass(agentLostAfterMs);
  directory.sweep();
  directory.sweep();
  assert.deepEqual(learned(), ['node-1'], 'was lost, said once');
  assert.equal(directory.agentOn('node-1')?.isHeard, false);
  await sync({ ...applied, instanceId: 'instance-2', roots: [root] });
  assert.deepEqual(learned(), ['node-1'], 'came back');
  assert.equal(directory.agentOn('node-1')?.isHeard, true);
});

test('an agent that was silent for longer than any lease is forgotten', async (t) => {
  const world = new World(t);
  const leaseMs = 24 * 3_600_000;
  world.setWork(assignmentOf(shardA, { leaseMs }));
  await world.sync();
  world.pass(leaseMs + leaseMarginMs - 1);
  world.directory.sweep();
  assert.equal(world.directory.agentOn('node-1')?.isHeard, false);
  world.pass(1);
  world.directory.sweep();
  assert.equal(world.directory.agentOn('node-1'), undefined);
  assert.deepEqual(world.directory.agents(), []);
  world.setWork();
  await world.sync();
  world.pass(3_599_999);
  world.directory.sweep();
  assert.equal(world.directory.agentOn('node-1')?.isHeard, false, 'it can be told when it was heard last');
  world.pass(1);
  world.directory.sweep();
  assert.equal(world.directory.agentOn('node-1'), undefined);
});

test('an agent that does not apply what it is sent is stuck after half a minute, until it does', async (t) => {
  const world = new World(t);
  const { directory, changed } = world;
  const isStuck = () => directory.agentOn('node-1')?.isStuck;
  world.setWork(assignmentOf(shardA));
  await world.sync({ waitMs: 0 });
  await world.sync({ waitMs: 0 }); // From here on it is known.
  world.pass(notAppliedAfterMs - 1);
  await world.sync({ waitMs: 0, instanceId: 'instance-2' });
  assert.equal(isStuck(), false);
  changed.splice(0);
  world.pass(1);
  world.setWork(assignmentOf(shardA), assignmentOf(shardB));
  await world.sync({ waitMs: 0, instanceId: 'instance-2' });
  assert.deepEqual([isStuck(), changed], [true, ['node-1']], 'also when what it is sent changes, and when it starts again');
  await world.sync({ waitMs: 0, instanceId: 'instance-2', appliedRevision: world.revision() });
  assert.deepEqual([isStuck(), changed], [false, ['node-1', 'node-1']]);
});

test('an agent that applies one set after the other, always a step behind, is not stuck', async (t) => {
  const world = new World(t);
  let appliedRevision: string | undefined;
  for (let epoch = 1; epoch < 10; epoch += 1) {
    world.setWork(assignmentOf(shardA, { epoch }));
    ({ revision: appliedRevision } = await world.sync({ waitMs: 0, ...(appliedRevision !== undefined && { appliedRevision }) }));
    world.pass(notAppliedAfterMs);
    assert.equal(world.directory.agentOn('node-1')?.isStuck, false);
  }
});

test('the agent of a newer pod is not stuck because the older one was', async (t) => {
  const world = new World(t);
  world.setWork(assignmentOf(shardA));
  for (let count = 0; count < 3; count += 1) {
    await world.sync({ waitMs: 0 });
    world.pass(notAppliedAfterMs);
  }
  assert.equal(world.directory.agentOn('node-1')?.isStuck, true);
  await world.sync({ waitMs: 0 }, { node: 'node-1', podName: 'agent-y', podUid: 'uid-y' });
  assert.equal(world.directory.agentOn('node-1')?.isStuck, false);
});
