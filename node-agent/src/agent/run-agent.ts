import { maxAssignments } from '@smartcopy/crds';
import type { Logger } from 'pino';
import { Assignments } from '../assignments/assignments.ts';
import { FailureLogs } from '../assignments/failure-logs.ts';
import { RootTable } from '../assignments/root-table.ts';
import { StateFile } from '../assignments/state-file.ts';
import { pause } from '../pause.ts';
import { OperatorConnection } from '../sync/operator-connection.ts';
import { type AgentFacts, SyncLoop } from '../sync/sync-loop.ts';
import { readBootClock } from '../system/boot-clock.ts';
import { readCpus } from '../system/cpus.ts';
import { HostFiles } from '../system/host-files.ts';
import { shareOfThreads } from '../system/thread-count.ts';
import type { Configuration } from './configuration.ts';
import { describeAgent } from './describe-agent.ts';
import { HealthServer } from './health-server.ts';
import { Metrics } from './metrics.ts';
import { StateDirectory } from './state-directory.ts';

/** How an agent ended. Stuck: stopped, but for threads that hang in a call of a file system. */
export type AgentEnd = 'stopped' | 'superseded' | 'stuck';

/** Threads stop at the next buffer: milliseconds, seconds on a slow disk. A pod has half a minute to end, and the last word is to be heard. */
const stopWithinMs = 3_000;

/** What the process knows of itself, for those who look at it from outside. */
class Standing {
  hasLock = false;
  isConnected = false;
  wasAnswered = false;
  assignments: Assignments | undefined;

  notReadyBecause(): string | undefined {
    if (!this.hasLock) return 'another agent works on this node; this one waits for its end';
    return this.wasAnswered ? undefined : 'the operator has not answered yet';
  }

  slots(): { readonly running: number; readonly waiting: number; readonly ended: number; readonly free: number } {
    const used = this.assignments?.census() ?? { running: 0, waiting: 0, ended: 0 };
    return { ...used, free: Math.max(0, maxAssignments - used.running - used.waiting - used.ended) };
  }
}

/**
 * The agent of a node, until the signal is aborted or a newer agent takes its place.
 * @throws whatever keeps it from its work: its state cannot be read, its port is taken
 */
export async function runAgent(configuration: Configuration, log: Logger, signal: AbortSignal): Promise<AgentEnd> {
  const { host, metricsPort, stateFolder } = configuration;
  const agent = describeAgent(new HostFiles('/'));
  const standing = new Standing();
  const metrics = new Metrics(agent.version, { slots: () => standing.slots(), isConnected: () => standing.isConnected });
  const server = new HealthServer({
    metrics: async () => ({ text: await metrics.registry.metrics(), contentType: metrics.registry.contentType }),
    notReadyBecause: () => standing.notReadyBecause(),
  });
  log.info({ metricsPort: await server.listen({ host, port: metricsPort }), version: agent.version }, 'listening');
  try {
    using directory = await StateDirectory.open(stateFolder, log, signal);
    if (directory === undefined) return 'stopped';
    standing.hasLock = true;
    return await work({ configuration, log, agent, metrics, standing }, signal);
  } finally {
    await server.close();
  }
}

interface AgentParts {
  readonly configuration: Configuration;
  readonly log: Logger;
  readonly agent: AgentFacts;
  readonly metrics: Metrics;
  readonly standing: Standing;
}

async function work({ configuration, log, agent, metrics, standing }: AgentParts, signal: AbortSignal): Promise<AgentEnd> {
  const host = new HostFiles('/');
  const clock = readBootClock(host);
  const cpus = readCpus(host);
  const roots = new RootTable(configuration.roots);
  await roots.look();
  const { stateFolder } = configuration;
  const assignments = await Assignments.load({
    stateFile: new StateFile(stateFolder, log),
    failureLogs: new FailureLogs(stateFolder, log),
    roots,
    clock,
    meter: metrics,
    threadsBeside: (runningCount) => shareOfThreads(cpus, runningCount),
    log,
  });
  standing.assignments = assignments;
  const connection = new OperatorConnection(configuration);
  const sync = new SyncLoop({
    connection,
    assignments,
    roots,
    agent,
    clock,
    chance: Math.random,
    log,
    onSync: (code) => metrics.synced(code),
    onConnected: (isConnected) => {
      standing.isConnected = isConnected;
      standing.wasAnswered ||= isConnected;
    },
  });

  const background = new AbortController();
  const both = AbortSignal.any([signal, background.signal]);
  const carrying = assignments.run(background.signal);
  try {
    const end = await Promise.race([sync.run(both), carrying.then(() => 'stopped' as const)]);
    if (end === 'superseded') log.error({}, 'a newer agent works on this node, this one ends');
    const hasStopped = await endsWithin(stopWithinMs, assignments.stop());
    if (!hasStopped) log.error({}, 'threads hang in a call of a file system');
    if (end === 'stopped') await sync.sayLastWord();
    return hasStopped ? end : 'stuck';
  } finally {
    background.abort();
    await carrying.catch(() => undefined); // Told by the race above.
    connection.close();
  }
}

async function endsWithin(ms: number, ending: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([ending.then(() => true), pause(ms, over.signal).then(() => false)]);
  } finally {
    over.abort();
  }
}
