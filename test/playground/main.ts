import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { kubernetesProgram } from '../support/brought-programs.ts';
import { Playground, type PlaygroundNode } from '../support/playground.ts';
import { findProgram } from '../support/programs.ts';
import type { ServerProcess } from '../support/server-process.ts';

/**
 * `npm run playground`: SmartCopy in a cluster of this host's processes, to try it by hand. It runs until Ctrl-C, or until one of
 * its processes ends, and then leaves nothing behind.
 */
const repository = join(import.meta.dirname, '..', '..');
const example = join(repository, 'examples', 'cluster', 'transferjob.yaml');
/** The namespace of the example. */
const namespace = 'climate';
/** An account whose token may follow jobs: the administrator has a certificate and no token. */
const viewer = 'viewer';
const watchIntervalMs = 200;
/** A person who kills them by hand is not as quick; what ends by itself so often will not stay. */
const maxRestarts = 5;
const restartWindowMs = 30_000;

const startedAtMs = performance.now();
const stopping = new AbortController();

const folder = await mkdtemp(join(tmpdir(), 'smartcopy-playground-'));
const nodes = describeNodes();
const playground = new Playground({ folder, isFolderOurs: true, nodes, onStep: sayWithSeconds, signal: stopping.signal });

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Who asks a second time does not want to wait.
    if (stopping.signal.aborted) playground.killAll();
    stopping.abort();
  });
}

try {
  for (const { path } of nodes.flatMap(({ roots }) => roots)) await mkdir(path, { recursive: true });
  await playground.start();
  await prepareNamespace();
  process.stdout.write(instructions());
  const failed = await untilTheEnd();
  if (failed !== undefined) fail(`${failed.howItEnded()}\n`);
} catch (error) {
  if (!stopping.signal.aborted) fail(`${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  say('stopping ... ');
  await playground.stop();
  process.stderr.write('nothing is left\n');
}

/** Two nodes. What their jobs write lies below the playground's own folder and goes with it. */
function describeNodes(): readonly PlaygroundNode[] {
  return ['worker-1', 'worker-2'].map((name) => ({
    name,
    roots: [
      { alias: 'share', hostPath: '/mnt/share', path: '/usr/share' },
      ...['scratch', 'archive'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: join(folder, 'disks', name, alias) })),
    ],
  }));
}

/** Opens the roots to every namespace, and makes the one of the example. */
async function prepareNamespace(): Promise<void> {
  await playground.applyPolicy('playground', {
    namespaceSelector: {},
    roots: [
      { alias: 'share', hostPath: '/mnt/share', access: 'ReadOnly' },
      { alias: 'scratch', hostPath: '/mnt/scratch', access: 'ReadWrite' },
      { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' },
    ],
  });
  const subject = { kind: 'ServiceAccount', name: viewer, namespace };
  await playground.apply({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: viewer, namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: viewer, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [subject],
      },
    ],
  });
  sayWithSeconds('a policy opens their roots');
}

/** Lines to paste into a shell; what is not to be pasted is a comment there. */
function instructions(): string {
  const { controlPlane, operator, agents, caFile } = playground;
  const ownKubectl = kubernetesProgram('kubectl');
  const events = `${operator.apiUrl}/api/namespaces/${namespace}/jobs/share/events`;
  const lines = [
    '',
    '# The playground is ready. In another shell:',
    `export KUBECONFIG=${controlPlane.adminKubeconfig}`,
    `export KUBECACHEDIR=${join(folder, 'kubectl')}`,
    ...(findProgram('kubectl') === undefined ? [`alias kubectl=${ownKubectl}`] : []),
    '',
    '# Roots on worker-1 and worker-2: share (/usr/share, read-only), scratch and archive (empty, below',
    `# ${join(folder, 'disks')})`,
    `kubectl apply -f ${example}`,
    `kubectl get tj -n ${namespace} -w`,
    `kubectl describe tj share -n ${namespace}`,
    `kubectl get nodes,nodeagents,transferpolicies`,
    '',
    '# Live progress, as server-sent events:',
    `curl -N --cacert ${caFile} -H 'Accept: text/event-stream' -H "Authorization: Bearer $(kubectl create token ${viewer} -n ${namespace})" ${events}`,
    '',
    '# Kill them while a job runs; they are started again, and the job goes on:',
    `kill -9 $(pgrep -f operator/src/main.ts.*${folder})`,
    `kill -9 $(pgrep -f node-agent/src/agent.ts.*${folder}.*worker-1)`,
    '',
    '# Metrics, and the logs:',
    `curl ${operator.metricsUrl}`,
    ...agents.map(({ metricsUrl }) => `curl ${metricsUrl}`),
    `tail -f ${join(folder, 'logs')}/*.log`,
    '',
    '# Ctrl-C here ends it and leaves nothing behind.',
    '',
  ];
  return lines.join('\n');
}

/**
 * Starts the operator and the agents again when they end, as a kubelet does.
 * @returns the process whose end is the end of all: of the control plane, or one that does not stay
 */
async function untilTheEnd(): Promise<ServerProcess | undefined> {
  const restarts: number[] = [];
  let failure: unknown;
  while (!stopping.signal.aborted) {
    if (failure !== undefined) throw failure;
    const lost = playground.controlPlane.servers.find((server) => server.hasFailed());
    if (lost !== undefined) return lost;
    const ended = playground.restartables.find(({ server }) => server?.hasFailed() === true);
    if (ended?.server !== undefined) {
      restarts.push(performance.now());
      if (restarts.filter((atMs) => performance.now() - atMs < restartWindowMs).length > maxRestarts) return ended.server;
      say(`${ended.server.shortEnd()}; it is started again\n`);
      // Not awaited: what it waits for may itself have ended.
      ended.start(stopping.signal).catch((error: unknown) => {
        // One that ended once more is seen as such.
        if (!ended.server?.hasFailed()) failure ??= error;
      });
    }
    await setTimeout(watchIntervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  return undefined;
}

function sayWithSeconds(phrase: string): void {
  say(`${phrase} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)\n`);
}

function fail(words: string): void {
  process.exitCode = 1;
  say(words);
}

function say(words: string): void {
  process.stderr.write(`smartcopy: ${words}`);
}
