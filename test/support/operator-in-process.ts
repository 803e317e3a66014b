import type { AssignmentReport, StoredTransferJob, StoredTransferPolicy, StoredTransferShard, SyncResponse } from '@smartcopy/crds';
import { pino } from 'pino';
import { AgentDirectory } from '../../operator/src/agents/agent-directory.ts';
import { systemClock } from '../../operator/src/clock.ts';
import { transferJobs, transferPolicies, transferShards } from '../../operator/src/kinds.ts';
import { KubeClient } from '../../operator/src/kube/client.ts';
import { runController } from '../../operator/src/kube/controller.ts';
import { EventRecorder } from '../../operator/src/kube/events.ts';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import { Reflector } from '../../operator/src/kube/reflector.ts';
import type { KubeObject, Resource } from '../../operator/src/kube/resource.ts';
import { Store } from '../../operator/src/kube/store.ts';
import { WorkQueue } from '../../operator/src/kube/work-queue.ts';
import { WriteBudget } from '../../operator/src/kube/write-budget.ts';
import { createPolicyReconciler, wakePolicies } from '../../operator/src/policy/reconcile.ts';
import { type LabelledObject, namespaces, nodes } from '../../operator/src/policy/resources.ts';
import { workFor } from '../../operator/src/transfer-job/assignments.ts';
import { type FinishedJob, TransferJobReconciler } from '../../operator/src/transfer-job/reconcile.ts';
import { jobIndexes, shardIndexes } from '../../operator/src/transfer-job/resources.ts';
import { wakeOnChanges } from '../../operator/src/transfer-job/wake.ts';

const namespace = 'smartcopy-system';
/** Short, so that the end of a dead agent's lease can be waited for. */
const leaseSeconds = 2;
const leaseMarginMs = 500;

/** Everything of the operator that concerns jobs, in this process, over a real API server; the test itself speaks as the agents. */
export class OperatorInProcess {
  readonly stores = {
    jobs: new Store<StoredTransferJob>(jobIndexes),
    shards: new Store<StoredTransferShard>(shardIndexes),
    policies: new Store<StoredTransferPolicy>(),
    namespaces: new Store<LabelledObject>(),
    nodes: new Store<LabelledObject>(),
  };
  readonly finished: FinishedJob[] = [];
  readonly firstBytes: number[] = [];
  readonly denials: string[] = [];
  /** Requests that change something, as `verb resource`. */
  readonly writes: string[] = [];
  readonly directory = new AgentDirectory({
    clock: systemClock,
    startedAtMs: systemClock.monotonicMs(),
    leaseMarginMs,
    workFor: (node) => workFor(node, this.stores),
    isReady: () => Object.values(this.stores).every((store) => store.hasSynced),
  });
  readonly #stop = new AbortController();
  #running: readonly Promise<void>[] = [];
  #client: KubeClient | undefined;
  #jobs: TransferJobReconciler | undefined;

  async start(kubeconfig: string): Promise<void> {
    const { signal } = this.#stop;
    const { stores, directory } = this;
    const log = pino({ level: 'silent' });
    const client = new KubeClient({
      kubeConfig: await loadKubeConfig(kubeconfig),
      userAgent: 'smartcopy-test',
      onRequest: ({ verb, resource }) => {
        if (!['get', 'list', 'watch'].includes(verb)) this.writes.push(`${verb} ${resource}`);
      },
    });
    const budget = new WriteBudget();
    const recorder = new EventRecorder({ client, budget, component: 'smartcopy-operator', instance: 'test', log });
    const [jobQueue, policyQueue] = [new WorkQueue({ name: 'jobs' }), new WorkQueue({ name: 'policies' })];
    const hooks = {
      onFinished: (job: FinishedJob) => void this.finished.push(job),
      onFirstByte: (ms: number) => void this.firstBytes.push(ms),
      onPolicyDenied: (reason: string) => void this.denials.push(reason),
    };
    const jobs = new TransferJobReconciler({
      client,
      stores,
      directory,
      recorder,
      budget,
      clock: systemClock,
      namespace,
      leaseSeconds,
      hooks,
    });
    wakeOnChanges({ stores, directory, queue: jobQueue, namespace });
    wakePolicies(stores, policyQueue);
    const reflect = <T extends KubeObject>(resource: Resource<T>, store: Store<T>) =>
      new Reflector({ client, resource, store, log }).run(signal);
    const reflecting = [
      reflect(transferJobs, stores.jobs),
      reflect(transferShards, stores.shards),
      reflect(transferPolicies, stores.policies),
      reflect(namespaces, stores.namespaces),
      reflect(nodes, stores.nodes),
    ];
    await Promise.all(Object.values(stores).map((store) => store.whenSynced(signal)));
    const shared = { concurrency: 4, timeoutMs: 30_000, log };
    this.#client = client;
    this.#jobs = jobs;
    this.#running = [
      ...reflecting,
      recorder.run(signal),
      directory.run(signal),
      runController({ ...shared, name: 'jobs', queue: jobQueue, reconcile: jobs.reconcile }, signal),
      runController(
        {
          ...shared,
          name: 'policies',
          queue: policyQueue,
          reconcile: createPolicyReconciler({ client, stores, budget, clock: systemClock }),
        },
        signal,
      ),
    ];
  }

  liveStatus(name: string) {
    return this.#jobs?.liveStatus({ namespace: 'climate', name })?.status;
  }

  /** Also a second time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.directory.releaseAll();
    await Promise.all(this.#running);
    await this.#client?.close();
  }
}

/** What an agent would say and remember, said by the test. */
export class SpokenAgent {
  operator: OperatorInProcess;
  readonly #node: string;
  #appliedRevision: string | undefined;
  roots = [
    { alias: 'scratch', hostPath: '/mnt/scratch', state: 'Ready' as const },
    { alias: 'archive', hostPath: '/mnt/archive', state: 'Ready' as const },
  ];

  constructor(operator: OperatorInProcess, node: string) {
    this.operator = operator;
    this.#node = node;
  }

  /** One exchange, which is not held; what it brings counts as applied in the next. */
  async sync(...reports: readonly AssignmentReport[]): Promise<SyncResponse> {
    const request = {
      bootId: 'boot',
      instanceId: 'instance',
      version: '0.1.0',
      ...(this.#appliedRevision === undefined ? {} : { appliedRevision: this.#appliedRevision }),
      waitMs: 0,
      capabilities: { kernelRelease: '6.12.0', architecture: 'x64', cpuCount: 2, memoryBytes: 1, ioUring: 'Full' as const },
      roots: [...this.roots],
      reports: [...reports],
    };
    const response = await this.operator.directory.sync(
      { node: this.#node, podName: 'agent', podUid: 'agent-1' },
      request,
      AbortSignal.timeout(10_000),
    );
    this.#appliedRevision = response.revision;
    return response;
  }
}
