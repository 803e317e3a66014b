import type { StoredTransferShard, TransferJobStatus, TransferShardSpec, TransferShardStatus } from '@smartcopy/crds';
import type { AgentDirectory } from '../agents/agent-directory.ts';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { transferShards } from '../kinds.ts';
import { isAlreadyExists } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { type KubeObject, keyOf, type UnparsableObject } from '../kube/resource.ts';
import type { WriteBudget, WritePriority } from '../kube/write-budget.ts';
import type { Decision } from './decide.ts';
import type { SeenShard } from './observe.ts';
import type { OwnWrites } from './own-writes.ts';
import { shardsFinalizer, transferJobMetadata } from './resources.ts';

interface JobActionsDeps {
  readonly client: KubeClient;
  readonly budget: WriteBudget;
  readonly ownWrites: OwnWrites;
  readonly directory: Pick<AgentDirectory, 'shardCreated'>;
  readonly clock: Clock;
  /** The operator's own, where shards live. */
  readonly namespace: string;
}

/** Another job has a shard of this name. It is tried again: the name is free when that job has ended. */
class ShardNameTakenError extends OperatorError {
  constructor(name: string) {
    super(
      'SC_SHARD_NAME_TAKEN',
      `the shard ${name} belongs to another job whose UID begins alike; this job starts when that one has ended`,
    );
  }
}

/** What is written to the API server for a job; every write waits for its turn in the budget. */
export class JobActions {
  readonly #deps: JobActionsDeps;

  constructor(deps: JobActionsDeps) {
    this.#deps = deps;
  }

  /**
   * Carries out a decision, as far as it changes other things than the job's status. What was done is seen in the stores, which queues
   * the job again: a crash at any point costs nothing.
   */
  async act(job: KubeObject, decision: Decision, signal: AbortSignal): Promise<void> {
    switch (decision.kind) {
      case 'deleteShard':
        return await this.deleteShard(decision.shard, signal);
      case 'deleteUnreadable':
        return await this.#deleteUnreadable(decision.shard, signal);
      case 'removeFinalizer':
        return await this.#removeFinalizer(job, signal);
      case 'recordEnd':
        return await this.#recordEnd(decision.shard, decision.end, signal);
      case 'createShard':
        return await this.#createShard(job, decision, signal);
      case 'moveShard':
        if (decision.shard.isStopped) await this.#moveShard(decision.shard, decision.node, signal);
        return;
      case 'leave':
      case 'acknowledge':
      case 'awaitStop':
      case 'finish':
      case 'rest':
      case 'deny':
      case 'hold':
      case 'follow':
        return;
    }
  }

  /** Its absence tells the agent to stop. */
  async deleteShard(shard: StoredTransferShard, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    await budget.take('transition', signal);
    await client.delete(transferShards, keyOf(shard), { uid: shard.metadata.uid }, signal);
    this.#note(transferShards, shard, undefined);
  }

  /** Names it by its UID alone, so that it need not be understood. */
  async #deleteUnreadable({ key, uid }: UnparsableObject, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    await budget.take('transition', signal);
    await client.delete(transferShards, key, { uid }, signal);
  }

  /** A transition waits for its turn here; the turn of progress was taken before. */
  async writeStatus(job: KubeObject, { status, isTransition }: StatusWrite, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    if (isTransition) await budget.take('transition', signal);
    const { name, namespace, resourceVersion } = job.metadata;
    const written = await client.replaceStatus(transferJobMetadata, { metadata: { name, namespace, resourceVersion }, status }, signal);
    this.#note(transferJobMetadata, job, written);
  }

  async #createShard(job: KubeObject, { name, spec }: { name: string; spec: TransferShardSpec }, signal: AbortSignal): Promise<void> {
    const { client, budget, directory, namespace } = this.#deps;
    const { finalizers } = job.metadata;
    // First: a job that went without it would leave its agent at work.
    if (!finalizers.includes(shardsFinalizer))
      await this.#setFinalizers(job, { finalizers: [...finalizers, shardsFinalizer], priority: 'start' }, signal);
    await budget.take('start', signal);
    try {
      const created = await client.create(transferShards, { metadata: { namespace, name }, spec }, signal);
      directory.shardCreated({ name, node: spec.node, leaseMs: spec.leaseSeconds * 1_000 });
      this.#note(transferShards, undefined, created);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await client.get(transferShards, { namespace, name }, signal);
      if (existing !== undefined && existing.spec.jobUID !== job.metadata.uid) throw new ShardNameTakenError(name);
    }
  }

  async #removeFinalizer(job: KubeObject, signal: AbortSignal): Promise<void> {
    const finalizers = job.metadata.finalizers.filter((name) => name !== shardsFinalizer);
    await this.#setFinalizers(job, { finalizers, priority: 'transition' }, signal);
  }

  async #setFinalizers(job: KubeObject, { finalizers, priority }: FinalizerWrite, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    await budget.take(priority, signal);
    // The list is replaced as a whole, so nobody may have changed it in between.
    const patch = { metadata: { resourceVersion: job.metadata.resourceVersion, finalizers } };
    this.#note(transferJobMetadata, job, await client.patch(transferJobMetadata, keyOf(job), patch, signal));
  }

  async #recordEnd(shard: StoredTransferShard, status: TransferShardStatus, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    await budget.take('transition', signal);
    const { name, namespace, resourceVersion } = shard.metadata;
    const written = await client.replaceStatus(transferShards, { metadata: { name, namespace, resourceVersion }, status }, signal);
    this.#note(transferShards, shard, written);
  }

  /** Node and epoch change in one write, so that no agent works under an epoch of another node. */
  async #moveShard({ object }: SeenShard, node: string, signal: AbortSignal): Promise<void> {
    const { client, budget } = this.#deps;
    await budget.take('start', signal);
    const { resourceVersion } = object.metadata;
    const patch = { metadata: { resourceVersion }, spec: { node, epoch: object.spec.epoch + 1 } };
    this.#note(transferShards, object, await client.patch(transferShards, keyOf(object), patch, signal));
  }

  #note(resource: typeof transferShards | typeof transferJobMetadata, before: KubeObject | undefined, after: KubeObject | undefined): void {
    this.#deps.ownWrites.wrote(resource, { before, after }, this.#deps.clock.monotonicMs());
  }
}

interface StatusWrite {
  readonly status: TransferJobStatus;
  readonly isTransition: boolean;
}

interface FinalizerWrite {
  readonly finalizers: readonly string[];
  readonly priority: WritePriority;
}
