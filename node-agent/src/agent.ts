import process from 'node:process';
import { ConfigurationError, readConfiguration, usage } from './agent/configuration.ts';
import { createLogger } from './agent/log.ts';
import { type AgentEnd, runAgent } from './agent/run-agent.ts';

// The agent of a node: carries out what the operator assigns to it. Started by the DaemonSet, or by hand with --help.

/** What the kubelet is told; scripts may rely on these. */
const exitStatus = {
  stopped: 0,
  failed: 1,
  badInput: 2,
  /** Started again, it waits until the newer agent has ended. */
  superseded: 3,
} as const;

process.exit(await main());

async function main(): Promise<number> {
  const signal = stopSignal();
  try {
    const configuration = readConfiguration(process.argv.slice(2));
    if (configuration === 'help') {
      process.stdout.write(usage());
      return exitStatus.stopped;
    }
    return leave(await runAgent(configuration, createLogger(configuration.logLevel), signal));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitStatus.badInput;
  }
}

function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort());
  return stopping.signal;
}

function leave(end: AgentEnd): number {
  // exit() would wait for all threads, and some wait for a file system that does not answer.
  if (end === 'stuck') process.kill(process.pid, 'SIGKILL');
  if (end === 'failed') return exitStatus.failed;
  return end === 'superseded' ? exitStatus.superseded : exitStatus.stopped;
}
