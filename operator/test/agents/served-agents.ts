import { Agent, request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { operatorTlsName, type SyncRequest, type storedNodeAgent, syncPath } from '@smartcopy/crds';
import { pino } from 'pino';
import { kubeconfigText } from '../../../test/support/kubeconfig.ts';
import { AgentDirectory, type NodeWork } from '../../src/agents/agent-directory.ts';
import { agentPodIndexes, agentPodResource } from '../../src/agents/agent-pod.ts';
import { AgentServer } from '../../src/agents/agent-server.ts';
import { Authenticator } from '../../src/agents/authenticate.ts';
import { Certificates, type CertificatesOptions } from '../../src/agents/certificates.ts';
import { Inventory } from '../../src/agents/inventory.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { nodeAgentResource } from '../../src/kinds.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { runController } from '../../src/kube/controller.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { WriteBudget } from '../../src/kube/write-budget.ts';
import { nodes as nodeResource } from '../../src/policy/resources.ts';
import { requestOf } from './examples.ts';

export interface ServedAgentsOptions {
  /** Of the API server, and who the operator is there. */
  readonly access: Parameters<typeof kubeconfigText>[0];
  readonly namespace: string;
  readonly workFor: (node: string) => NodeWork;
  readonly clock?: Clock;
  readonly certificates?: Pick<CertificatesOptions, 'authorityLifetimeMs' | 'serverLifetimeMs' | 'graceMs' | 'checkIntervalMs'>;
}

/** The agents' side of an operator, without anything that makes work; stop it. */
export class ServedAgents {
  readonly client: KubeClient;
  readonly directory: AgentDirectory;
  readonly certificates: Certificates;
  /** Requests to the API server by resource, and refusals by reason. */
  readonly requested = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly answered: number[] = [];
  readonly #server: AgentServer;
  readonly #stopping = new AbortController();
  readonly #running: readonly Promise<void>[];
  port = 0;

  static async start(options: ServedAgentsOptions): Promise<ServedAgents> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigText(options.access));
    const requested = new Map<string, number>();
    const client = new KubeClient({ kubeConfig, userAgent: 'smartcopy-test', onRequest: ({ resource }) => count(requested, resource) });
    const clock = options.clock ?? systemClock;
    const log = pino({ level: 'silent' });
    const certificates = new Certificates({ client, namespace: options.namespace, clock, log, ...options.certificates });
    const signal = AbortSignal.timeout(60_000);
    const certificate = await certificates.check(signal);
    const served = new ServedAgents({ ...options, clock, client, certificates, certificate, requested });
    served.port = await served.#server.listen({ host: '127.0.0.1', port: 0 });
    return served;
  }

  private constructor(options: ServedAgentsOptions & Made) {
    const { client, certificates, certificate, clock, namespace, workFor, requested } = options;
    const log = pino({ level: 'silent' });
    const stores = { pods: new Store(agentPodIndexes), nodes: new Store(), nodeAgents: new Store<typeof storedNodeAgent._zod.output>() };
    const startedAtMs = clock.monotonicMs();
    this.client = client;
    this.certificates = certificates;
    this.requested = requested;
    this.directory = new AgentDirectory({
      clock,
      startedAtMs,
      leaseMarginMs: 5_000,
      workFor,
      isReady: () => stores.pods.hasSynced,
    });
    const account = { namespace, name: 'smartcopy-agent' };
    this.#server = new AgentServer({
      directory: this.directory,
      authenticator: new Authenticator({ client, pods: stores.pods, account, clock, log }),
      certificate,
      log,
      onAuthFailure: (reason) => count(this.refused, reason),
      onSync: ({ code }) => this.answered.push(code),
    });
    certificates.onChange((server) => this.#server.useCertificate(server));
    const queue = new WorkQueue({ name: 'inventory' });
    const inventory = new Inventory({ client, directory: this.directory, ...stores, budget: new WriteBudget(), clock, startedAtMs });
    inventory.feed(queue);
    const { signal } = this.#stopping;
    const labelSelector = 'app.kubernetes.io/component=agent';
    const reconcile = inventory.reconcile.bind(inventory);
    this.#running = [
      new Reflector({ client, resource: agentPodResource, store: stores.pods, namespace, labelSelector, log }).run(signal),
      new Reflector({ client, resource: nodeResource, store: stores.nodes, log }).run(signal),
      new Reflector({ client, resource: nodeAgentResource, store: stores.nodeAgents, log }).run(signal),
      runController({ name: 'inventory', queue, reconcile, concurrency: 1, timeoutMs: 30_000, log }, signal),
      certificates.run(signal),
      this.directory.run(signal),
    ];
  }

  async stop(): Promise<void> {
    await this.#server.close();
    this.#stopping.abort();
    await Promise.all(this.#running);
    await this.client.close();
  }
}

interface Made {
  readonly client: KubeClient;
  readonly certificates: Certificates;
  readonly certificate: Awaited<ReturnType<Certificates['check']>>;
  readonly clock: Clock;
  readonly requested: Map<string, number>;
}

export interface SyncAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** An agent's side of the connection. It trusts what it is given and nothing else; close it. */
export class SyncClient {
  readonly #port: number;
  readonly #connections: Agent;

  constructor(port: number, ca: string, more: ConstructorParameters<typeof Agent>[0] = {}) {
    this.#port = port;
    this.#connections = new Agent({ ca, servername: operatorTlsName, keepAlive: true, ...more });
  }

  /** @param authorization the header, if any */
  sync(authorization: string | undefined, changes: Partial<SyncRequest> = {}): Promise<SyncAnswer> {
    return this.post(authorization, JSON.stringify(requestOf({ waitMs: 0, ...changes })));
  }

  post(authorization: string | undefined, body: string, path = syncPath): Promise<SyncAnswer> {
    const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
    const to = { host: '127.0.0.1', port: this.#port, path, method: 'POST', headers, agent: this.#connections };
    return new Promise((resolve, reject) => {
      const asked = request(to, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  close(): void {
    this.#connections.destroy();
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
