import { isDeepStrictEqual } from 'node:util';
import type { StoredNodeAgent } from '@smartcopy/crds';
import type { Clock } from '../clock.ts';
import { nodeAgentResource } from '../kinds.ts';
import { isAlreadyExists } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { done, later, type Outcome } from '../kube/controller.ts';
import type { KubeObject, ObjectKey } from '../kube/resource.ts';
import type { Store } from '../kube/store.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { WriteBudget } from '../kube/write-budget.ts';
import { type AgentDirectory, agentLostAfterMs } from './agent-directory.ts';
import { lostStatus, nextStatus } from './node-agent-status.ts';

export interface InventoryOptions {
  readonly client: KubeClient;
  readonly directory: AgentDirectory;
  readonly nodes: Store<KubeObject>;
  readonly nodeAgents: Store<StoredNodeAgent>;
  readonly budget: WriteBudget;
  readonly clock: Clock;
  /** When this operator began to listen to agents, in milliseconds of the monotonic clock. */
  readonly startedAtMs: number;
}

/** Keeps one NodeAgent for each node whose agent has spoken: what it can do, and whether it is heard from. Written on change only. */
export class Inventory {
  readonly #options: InventoryOptions;

  constructor(options: InventoryOptions) {
    this.#options = options;
  }

  /** Queues a node whenever something about its NodeAgent may have to change. */
  feed(queue: WorkQueue): void {
    const { directory, nodes, nodeAgents } = this.#options;
    const add = (name: string): void => queue.add({ namespace: '', name });
    directory.onAgentChange(add);
    nodes.onChange(({ key, before, after }) => {
      // The kubelet writes into its node all the time; only that it comes or goes matters here.
      if (before === undefined || after === undefined) add(key.name);
    });
    nodeAgents.onChange(({ key }) => add(key.name));
  }

  /** Brings the NodeAgent of one node to what is known. For `runController`. */
  async reconcile({ name }: ObjectKey, signal: AbortSignal): Promise<Outcome> {
    const { directory, nodes, nodeAgents, clock } = this.#options;
    await nodes.whenSynced(signal);
    await nodeAgents.whenSynced(signal);
    const key = { namespace: '', name };
    const stored = nodeAgents.get(key);
    if (!nodes.has(key)) return await this.#delete(stored, signal);
    const agent = directory.agentOn(name);
    if (agent?.isHeard === true) {
      await this.#write(name, stored, nextStatus(agent, stored, clock.now()), signal);
      return done;
    }
    if (stored?.status === undefined) return done;
    // An operator that has just started has not heard from anybody yet.
    const waitMs = agent === undefined ? this.#options.startedAtMs + agentLostAfterMs - clock.monotonicMs() : 0;
    if (waitMs > 0) return later(waitMs);
    await this.#write(name, stored, lostStatus(stored.status, clock.now()), signal);
    return done;
  }

  async #write(name: string, stored: StoredNodeAgent | undefined, status: StoredNodeAgent['status'], signal: AbortSignal): Promise<void> {
    if (isDeepStrictEqual(stored?.status, status)) return;
    const { client, budget } = this.#options;
    // Last in line: that a job ends matters more than what a node can do.
    const { resourceVersion } = (stored ?? (await this.#create(name, signal))).metadata;
    await budget.take('event', signal);
    await client.replaceStatus(nodeAgentResource, { metadata: { name, namespace: '', resourceVersion }, status }, signal);
  }

  async #create(name: string, signal: AbortSignal): Promise<StoredNodeAgent> {
    const { client, budget } = this.#options;
    await budget.take('event', signal);
    try {
      return await client.create(nodeAgentResource, { metadata: { name } }, signal);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Made a moment ago, and the watch has not brought it yet.
      const existing = await client.get(nodeAgentResource, { namespace: '', name }, signal);
      if (existing === undefined) throw error;
      return existing;
    }
  }

  async #delete(stored: StoredNodeAgent | undefined, signal: AbortSignal): Promise<Outcome> {
    if (stored === undefined) return done;
    await this.#options.budget.take('event', signal);
    const { name, uid } = stored.metadata;
    await this.#options.client.delete(nodeAgentResource, { namespace: '', name }, { uid }, signal);
    return done;
  }
}
