import { once } from 'node:events';
import { maxAssignments } from '@smartcopy/crds';
import type { Logger } from 'pino';
import { Assignments } from '../assignments/assignments.ts';
import { engineRoomOf } from '../assignments/engine-share.ts';
import { FailureLogs } from '../assignments/failure-logs.ts';
import { RootTable } from '../assignments/root-table.ts';
import { StateFile } from '../assignments/state-file.ts';
import { endsWithin } from '../pause.ts';
import { OperatorConnection } from '../sync/operator-connection.ts';
import { type AgentFacts, longestTurnMs, SyncLoop } from '../sync/sync-loop.ts';
import { readBootClock } from '../system/boot-clock.ts';
import { readCpus } from '../system/cpus.ts';
import { HostFiles } from '../system/host-files.ts';
import { readNumaNodes } from '../system/numa.ts';
import { shareOfThreads } from '../system/thread-count.ts';
import type { Configuration } from './configuration.ts';
import { describeAgent } from './describe-agent.ts';
import { HealthServer } from './health-server.ts';
import { Metrics } from './metrics.ts';
import { StateDirectory } from './state-directory.ts';

/** How an agent ended. Failed: its log says why. Stuck: it has ended, but for threads that hang in a call of a file system. */
export type AgentEnd = 'stopped' | 'superseded' | 'failed' | 'stuck';

/** Threads stop at the next buffer: milliseconds, seconds on a slow disk. A pod has half a minute to end, and the last word is to be heard. */
const stopWithinMs = 3_000;
/** More than twice as long as the exchange with the operator takes for one turn at most: then it hangs, and only another process helps. */
const turnWithinMs = 2 * longestTurnMs;

/** What the process knows of itself, for those who look at it from outside. */
class Standing {
  hasLock = false;
  isConnected = false;
  wasAnswered = false;
  isStuck = false;
  assignments: Assignments | undefined;
  sync: SyncLoop | undefined;

  notHealthyBecause(): string | undefined {
    const sinceTurnMs = this.sync?.sinceTurnMs() ?? 0;
    if (sinceTurnMs < turnWithinMs) return undefined;
    return `the exchange with the operator has stood still for ${Math.floor(sinceTurnMs / 1000)} s`;
  }

  notReadyBecause(): string | undefined {
    if (!this.hasLock) return 'another agent works on this node; this one waits for its end';
    return this.wasAnswered ? undefined : 'the operator has not answered yet';
  }

  slots(): { readonly running: number; readonly waiting: number; readonly ended: number; readonly free: number } {
    const used = this.assignments?.census() ?? { running: 0, waiting: 0, ended: 0 };
    return { ...used, free: Math.max(0, maxAssignments - used.running - used.waiting - used.ended) };
  }
}

/** The agent of a node, until the signal is aborted, a newer agent takes its place, or something keeps it from its work. */
export async function runAgent(configuration: Configuration, log: Logger, signal: AbortSignal): Promise<AgentEnd> {
  const standing = new Standing();
  try {
    const end = await serve({ configuration, log, standing }, signal);
    return standing.isStuck ? 'stuck' : end;
  } catch (error) {
    log.fatal({ err: error }, 'agent failed');
    return standing.isStuck ? 'stuck' : 'failed';
  }
}

interface AgentParts {
  readonly configuration: Configuration;
  readonly log: Logger;
  readonly standing: Standing;
}

async function serve({ configuration, log, standing }: AgentParts, signal: AbortSignal): Promise<'stopped' | 'superseded'> {
  const { host, metricsPort, stateFolder } = configuration;
  const agent = describeAgent(new HostFiles('/'));
  const metrics = new Metrics(agent.version, { slots: () => standing.slots(), isConnected: () => standing.isConnected });
  const server = new HealthServer({
    metrics: async () => ({ text: await metrics.registry.metrics(), contentType: metrics.registry.contentType }),
    notHealthyBecause: () => standing.notHealthyBecause(),
    notReadyBecause: () => standing.notReadyBecause(),
  });
  log.info({ metricsPort: await server.listen({ host, port: metricsPort }), version: agent.version }, 'listening');
  try {
    const directory = await StateDirectory.open(stateFolder, log, signal);
    if (directory === undefined) return 'stopped';
    standing.hasLock = true;
    try {
      return await work({ configuration, log, agent, metrics, standing }, signal);
    } finally {
      // Where threads may still write, the lock ends with the process, and not before.
      if (!standing.isStuck) directory[Symbol.dispose]();
    }
  } finally {
    await server.close();
  }
}

interface WorkParts extends AgentParts {
  readonly agent: AgentFacts;
  readonly metrics: Metrics;
}

async function work(parts: WorkParts, signal: AbortSignal): Promise<'stopped' | 'superseded'> {
  const { configuration, log, metrics, standing } = parts;
  const roots = new RootTable(configuration.roots);
  const host = new HostFiles('/');
  const cpus = readCpus(host);
  const { stateFolder } = configuration;
  try {
    await roots.look();
    const assignments = await Assignments.load({
      stateFile: new StateFile(stateFolder, log),
      failureLogs: new FailureLogs(stateFolder, log),
      roots,
      clock: readBootClock(host),
      meter: metrics,
      threadsBeside: (runningCount) => shareOfThreads(cpus, runningCount),
      engineRoom: engineRoomOf(parts.agent.capabilities),
      nodes: readNumaNodes(host),
      log,
    });
    standing.assignments = assignments;
    return await exchange({ ...parts, roots, assignments }, signal);
  } finally {
    standing.isStuck ||= !(await endsWithin(stopWithinMs, roots.whenAnswered()));
    if (standing.isStuck) log.error({}, 'threads hang in a call of a file system');
  }
}

interface ExchangeParts extends WorkParts {
  readonly roots: RootTable;
  readonly assignments: Assignments;
}

async function exchange(parts: ExchangeParts, signal: AbortSignal): Promise<'stopped' | 'superseded'> {
  const { configuration, log, agent, metrics, standing, roots, assignments } = parts;
  const connection = new OperatorConnection(configuration);
  const sync = new SyncLoop({
    connection,
    assignments,
    roots,
    agent,
    clock: readBootClock(new HostFiles('/')),
    chance: Math.random,
    log,
    onSync: (code) => metrics.synced(code),
    onConnected: (isConnected) => {
      standing.isConnected = isConnected;
      standing.wasAnswered ||= isConnected;
    },
  });
  standing.sync = sync;

  const background = new AbortController();
  const both = AbortSignal.any([signal, background.signal]);
  const carrying = assignments.run(background.signal);
  try {
    const end = await Promise.race([sync.run(both), carrying.then(() => 'stopped' as const), whenAborted(signal)]);
    if (end === 'superseded') log.error({}, 'a newer agent works on this node, this one ends');
    await endsWithin(stopWithinMs, assignments.stop());
    if (end === 'stopped') await sync.sayLastWord();
    return end;
  } finally {
    background.abort();
    // Also after an error: the lock must not be given back while anything writes. What is wrong was told by the race above.
    const allEnded = Promise.all([assignments.stop(), carrying.catch(() => undefined)]);
    standing.isStuck = !(await endsWithin(stopWithinMs, allEnded));
    connection.close();
  }
}

/** So that nothing that hangs on the way keeps the agent from ending when it is told to. */
async function whenAborted(signal: AbortSignal): Promise<'stopped'> {
  if (!signal.aborted) await once(signal, 'abort');
  return 'stopped';
}
