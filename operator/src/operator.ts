import { once } from 'node:events';
import type { Server } from 'node:http';
import type { StoredNodeAgent } from '@smartcopy/crds';
import type { Logger } from 'pino';
import { AgentDirectory } from './agents/agent-directory.ts';
import { type AgentPod, agentPodIndexes, agentPodResource } from './agents/agent-pod.ts';
import { AgentServer } from './agents/agent-server.ts';
import { Authenticator } from './agents/authenticate.ts';
import type { KeyPair } from './agents/certificate-authority.ts';
import { Certificates } from './agents/certificates.ts';
import { Inventory } from './agents/inventory.ts';
import { systemClock } from './clock.ts';
import type { Configuration } from './config.ts';
import { createApiServer } from './http/api-server.ts';
import { createStatusServer } from './http/status-server.ts';
import { nodeAgentResource, transferJobs, transferPolicies, transferShards } from './kinds.ts';
import { KubeClient } from './kube/client.ts';
import { type ControllerOptions, runController } from './kube/controller.ts';
import { EventRecorder } from './kube/events.ts';
import { loadKubeConfig } from './kube/kube-config.ts';
import { Reflector } from './kube/reflector.ts';
import type { KubeObject, Resource } from './kube/resource.ts';
import { Store } from './kube/store.ts';
import { pause } from './kube/waiting.ts';
import { WorkQueue } from './kube/work-queue.ts';
import { defaultWriteRates, WriteBudget } from './kube/write-budget.ts';
import { type Census, Metrics } from './metrics.ts';
import { createPolicyReconciler, wakePolicies } from './policy/reconcile.ts';
import { namespaces, nodes } from './policy/resources.ts';
import { portOf } from './port-of.ts';
import { type WorkStores, workFor } from './transfer-job/assignments.ts';
import { TransferJobReconciler } from './transfer-job/reconcile.ts';
import { jobIndexes, shardIndexes } from './transfer-job/resources.ts';
import { wakeOnChanges } from './transfer-job/wake.ts';

/** A reconciliation waits for the API server most of the time; as many at once let fifty new jobs start within the burst of the budget. */
const jobConcurrency = 32;
/** Everything else is rare. */
const otherConcurrency = 2;
/** A minute covers the longest queue for the write budget. */
const reconcileTimeoutMs = 60_000;
/** Between attempts to reach an API server that is not there yet. */
const startRetryMs = 1_000;

/** The parts that live as long as the operator, and what they share. */
interface Parts {
  readonly configuration: Configuration;
  readonly log: Logger;
  readonly client: KubeClient;
  readonly budget: WriteBudget;
  readonly metrics: Metrics;
  readonly stores: OperatorStores;
  readonly directory: AgentDirectory;
  readonly reconciler: TransferJobReconciler;
  readonly recorder: EventRecorder;
  readonly queues: Queues;
}

interface Queues {
  readonly jobs: WorkQueue;
  readonly policies: WorkQueue;
  readonly nodeAgents: WorkQueue;
}

interface OperatorStores extends WorkStores {
  readonly pods: Store<AgentPod>;
  readonly nodeAgents: Store<StoredNodeAgent>;
}

/**
 * Runs the operator until the signal is aborted; then every held request is answered, what is being written is written, and it returns.
 * It waits for an API server that is not there; until it has read all objects it answers 503.
 * @throws KubeConfigError; what its servers throw when they cannot listen
 */
export async function runOperator(
  configuration: Configuration,
  { version, log }: { version: string; log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const parts = await makeParts(configuration, { version, log });
  const { client, stores, metrics } = parts;
  // Those that must still work while the others end: the last events, the last answers.
  const background = new AbortController();
  const statusServer = createStatusServer({ registry: metrics.registry, notReadyBecause: () => unread(stores) });
  try {
    const metricsPort = await listen(statusServer, { host: configuration.host, port: configuration.metricsPort });
    const certificates = new Certificates({
      client,
      namespace: configuration.namespace,
      moreNames: [`smartcopy-operator.${configuration.namespace}.svc`],
      clock: systemClock,
      log: log.child({ part: 'certificates' }),
    });
    const certificate = await firstCertificate(certificates, log, signal);
    const recording = parts.recorder.run(background.signal);
    const watching = startReflectors(parts, background.signal);
    const ending = serve(parts, { certificates, certificate, metricsPort }, signal);
    await ending.finally(() => background.abort());
    await Promise.all([recording, ...watching]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    background.abort();
    statusServer.close();
    statusServer.closeAllConnections();
    await client.close();
  }
}

async function makeParts(configuration: Configuration, { version, log }: { version: string; log: Logger }): Promise<Parts> {
  const stores: OperatorStores = {
    jobs: new Store(jobIndexes),
    shards: new Store(shardIndexes),
    policies: new Store(),
    namespaces: new Store(),
    nodes: new Store(),
    pods: new Store(agentPodIndexes),
    nodeAgents: new Store(),
  };
  const directory = new AgentDirectory({
    clock: systemClock,
    startedAtMs: systemClock.monotonicMs(),
    leaseMarginMs: configuration.leaseMarginMs,
    workFor: (node) => workFor(node, stores),
    isReady: () => unread(stores) === undefined,
  });
  const metrics: Metrics = new Metrics(version, {
    ...censusOf({ stores, directory }),
    queueDepths: () => Object.fromEntries(Object.values(queues).map((queue) => [queue.name, queue.depth])),
  });
  const queueOf = (name: string): WorkQueue =>
    new WorkQueue({
      name,
      hooks: {
        onAdd: (queue) => metrics.queued(queue),
        onRetry: (queue) => metrics.queuedAgain(queue),
        onTake: (queue, waitMs) => metrics.waitedInQueue(queue, waitMs),
      },
    });
  const queues = { jobs: queueOf('transferjob'), policies: queueOf('transferpolicy'), nodeAgents: queueOf('nodeagent') };
  const client = new KubeClient({
    kubeConfig: await loadKubeConfig(configuration.kubeconfig),
    userAgent: `smartcopy-operator/${version}`,
    onRequest: (request) => metrics.requested(request),
  });
  const budget = new WriteBudget(systemClock, defaultWriteRates, { onDeferred: () => metrics.writeDeferred() });
  const recorder = new EventRecorder({
    client,
    budget,
    component: 'smartcopy-operator',
    instance: configuration.instance,
    log: log.child({ part: 'events' }),
  });
  const reconciler = new TransferJobReconciler({
    client,
    stores,
    directory,
    recorder,
    budget,
    clock: systemClock,
    namespace: configuration.namespace,
    // Shards keep whole seconds.
    leaseSeconds: Math.ceil(configuration.nodeLeaseMs / 1_000),
    hooks: {
      onFirstByte: (latencyMs) => metrics.firstByte(latencyMs),
      onFinished: (job) => metrics.jobFinished(job),
      onPolicyDenied: (reason) => metrics.policyDenied(reason),
    },
  });
  return { configuration, log, client, budget, metrics, stores, directory, reconciler, recorder, queues };
}

/** What has not been read from the API server yet; `undefined` when all is known. */
function unread(stores: OperatorStores): string | undefined {
  const missing = Object.entries(stores).flatMap(([name, store]: [string, Store<KubeObject>]) => (store.hasSynced ? [] : [name]));
  return missing.length === 0 ? undefined : `not yet read from the API server: ${missing.join(', ')}`;
}

async function firstCertificate(certificates: Certificates, log: Logger, signal: AbortSignal): Promise<KeyPair> {
  for (;;) {
    try {
      return await certificates.check(signal);
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ err: error }, 'the certificates cannot be made yet');
      await pause(startRetryMs, signal);
    }
  }
}

function startReflectors({ client, stores, log, metrics, configuration }: Parts, signal: AbortSignal): Promise<void>[] {
  const { namespace, agentSelector } = configuration;
  const keep = <T extends KubeObject>(
    resource: Resource<T>,
    store: Store<T>,
    selection: { namespace?: string; labelSelector?: string } = {},
  ): Promise<void> =>
    new Reflector({
      client,
      resource,
      store,
      log: log.child({ part: 'reflector' }),
      hooks: {
        onWatchRestart: (name, reason) => metrics.watchRestarted(name, reason),
        onRelist: (name) => metrics.relisted(name),
      },
      ...selection,
    }).run(signal);
  return [
    keep(transferJobs, stores.jobs),
    keep(transferShards, stores.shards, { namespace }),
    keep(transferPolicies, stores.policies),
    keep(namespaces, stores.namespaces),
    keep(nodes, stores.nodes),
    keep(agentPodResource, stores.pods, { namespace, labelSelector: agentSelector }),
    keep(nodeAgentResource, stores.nodeAgents),
  ];
}

interface Serving {
  readonly certificates: Certificates;
  readonly certificate: KeyPair;
  readonly metricsPort: number;
}

/** Answers agents and people, and reconciles once everything is read, until the signal is aborted. */
async function serve(parts: Parts, { certificates, certificate, metricsPort }: Serving, signal: AbortSignal): Promise<void> {
  const { configuration, log, client, directory, stores, reconciler, metrics } = parts;
  const { host, namespace, agentPort, apiPort, agentServiceAccount } = configuration;
  const authenticator = new Authenticator({
    client,
    pods: stores.pods,
    account: { namespace, name: agentServiceAccount },
    clock: systemClock,
    log: log.child({ part: 'authenticator' }),
  });
  const agentServer = new AgentServer({
    directory,
    authenticator,
    certificate,
    log: log.child({ part: 'agents' }),
    onAuthFailure: (reason) => metrics.agentRefused(reason),
    onSync: ({ code }) => metrics.synced(code),
  });
  const apiServer = await createApiServer(
    {
      client,
      look: reconciler.liveStatus,
      isReady: () => unread(stores) === undefined,
      tls: { cert: certificate.certificate, key: certificate.key },
      log,
    },
    signal,
  );
  certificates.onChange((renewed) => {
    agentServer.useCertificate(renewed);
    apiServer.server.setSecureContext({ cert: renewed.certificate, key: renewed.key, minVersion: 'TLSv1.3' });
  });
  const controllers = makeControllers(parts);
  try {
    const listeningAgentPort = await agentServer.listen({ host, port: agentPort });
    await apiServer.listen({ host, port: apiPort });
    log.info({ agentPort: listeningAgentPort, apiPort: portOf(apiServer.server.address()), metricsPort }, 'listening');
    await whenRead(stores, signal);
    log.info({ jobCount: stores.jobs.list().length, shardCount: stores.shards.list().length }, 'ready');
    await Promise.all([
      certificates.run(signal),
      directory.run(signal),
      ...controllers.map((controller) => runController(controller, signal)),
    ]);
  } finally {
    log.info('ending');
    await Promise.all([agentServer.close(), apiServer.close()]);
  }
}

async function whenRead(stores: OperatorStores, signal: AbortSignal): Promise<void> {
  await Promise.all(Object.values(stores).map((store: Store<KubeObject>) => store.whenSynced(signal)));
}

/** Made before anything is read, so that no change is missed. */
function makeControllers({
  configuration,
  log,
  client,
  directory,
  stores,
  budget,
  reconciler,
  metrics,
  queues,
}: Parts): readonly ControllerOptions[] {
  const shared = { log, timeoutMs: reconcileTimeoutMs, hooks: { onReconcile: metrics.reconciled.bind(metrics) } };

  wakeOnChanges({ stores, directory, queue: queues.jobs, namespace: configuration.namespace });

  wakePolicies(stores, queues.policies);

  const { nodes: knownNodes, nodeAgents } = stores;
  const inventory = new Inventory({
    client,
    directory,
    nodes: knownNodes,
    nodeAgents,
    budget,
    clock: systemClock,
    startedAtMs: systemClock.monotonicMs(),
  });
  inventory.feed(queues.nodeAgents);

  return [
    { ...shared, name: queues.jobs.name, queue: queues.jobs, reconcile: reconciler.reconcile, concurrency: jobConcurrency },
    {
      ...shared,
      name: queues.policies.name,
      queue: queues.policies,
      reconcile: createPolicyReconciler({ client, stores, budget, clock: systemClock }),
      concurrency: otherConcurrency,
    },
    {
      ...shared,
      name: queues.nodeAgents.name,
      queue: queues.nodeAgents,
      reconcile: (key, signal) => inventory.reconcile(key, signal),
      concurrency: otherConcurrency,
    },
  ];
}

/** What the gauges of the metrics are counted from. */
function censusOf({ stores, directory }: Pick<Parts, 'stores' | 'directory'>): Omit<Census, 'queueDepths'> {
  return {
    jobs: () => stores.jobs.list().map(({ metadata: { namespace }, status }) => ({ namespace, phase: status?.phase ?? 'Pending' })),
    shards: () => stores.shards.list().map(({ status }) => ({ state: status?.state ?? 'Assigned' })),
    agents: () => directory.agents().map(({ isHeard, version }) => ({ state: isHeard ? 'Connected' : 'Lost', version })),
    limits: () => sumOfLimits({ stores, directory }),
  };
}

function sumOfLimits({ stores, directory }: Pick<Parts, 'stores' | 'directory'>): {
  limitBytesPerSecond: number;
  grantedBytesPerSecond: number;
} {
  const sums = { limitBytesPerSecond: 0, grantedBytesPerSecond: 0 };
  for (const { metadata, spec } of stores.shards.list()) {
    const limit = stores.jobs.get(spec.jobRef)?.spec.bandwidth?.limit;
    const held = directory.reportFor({ name: metadata.name, node: spec.node, epoch: spec.epoch })?.heldAllowance?.bytesPerSecond;
    sums.limitBytesPerSecond += limit ?? 0;
    sums.grantedBytesPerSecond += held ?? 0;
  }
  return sums;
}

async function listen(server: Server, address: { readonly host: string; readonly port: number }): Promise<number> {
  server.listen(address);
  await once(server, 'listening');
  return portOf(server.address());
}
