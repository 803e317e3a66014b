import type { JobStatusEvent, StoredTransferJob, StoredTransferShard } from '@smartcopy/crds';
import type { Logger } from 'pino';
import type { AgentDirectory } from '../agents/agent-directory.ts';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { transferJobs, transferShards } from '../kinds.ts';
import { isConflict, isTransient } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { done, later, type Outcome, TerminalError } from '../kube/controller.ts';
import type { EventRecorder } from '../kube/events.ts';
import { apiVersionOf, keyOf, keyText, type ObjectKey, type UnparsableObject } from '../kube/resource.ts';
import type { WriteBudget } from '../kube/write-budget.ts';
import { oneLine } from '../one-line.ts';
import { JobActions } from './act.ts';
import type { WorkStores } from './assignments.ts';
import { type Decision, decide, letGo, nextLookMs, refused } from './decide.ts';
import { eventsBetween, type JobEvent } from './events.ts';
import { type Observed, observe, observeShard } from './observe.ts';
import { maxLagMs, OwnWrites } from './own-writes.ts';
import { hasEnded, shardNameOf, transferJobMetadata } from './resources.ts';
import { Rooms } from './rooms.ts';
import { changeBetween, nextStatus } from './status.ts';

interface TransferJobHooks {
  /** @param latencyMs from the creation of a job, of which the API server keeps whole seconds, to its first byte */
  readonly onFirstByte?: (latencyMs: number) => void;
  readonly onFinished?: (job: FinishedJob) => void;
  /** A job came to be denied. */
  readonly onPolicyDenied?: (reason: string) => void;
}

export interface FinishedJob {
  readonly namespace: string;
  readonly result: 'Complete' | 'Failed';
  readonly reason: string;
  readonly durationS: number;
}

interface TransferJobDeps {
  readonly client: KubeClient;
  readonly stores: WorkStores;
  readonly directory: Pick<AgentDirectory, 'agentOn' | 'reportFor' | 'isStopped' | 'stoppedAtMs' | 'shardCreated'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly budget: WriteBudget;
  readonly clock: Clock;
  /** The operator's own, where shards live. */
  readonly namespace: string;
  /** How long the agent of a new shard may work without hearing from the operator. */
  readonly leaseSeconds: number;
  readonly hooks?: TransferJobHooks;
}

/** The status is refreshed by about so many writes a second, however many jobs are active, and at most once a second for each. */
const progressWritesPerSecond = 15;
const minProgressIntervalMs = 1_000;

/** Nothing tells that a shard goes that hinders a job when neither can be read. */
const unreadableLookMs = 60_000;

/** Of the sentences about what is wrong with a job that cannot be read: an event has room for 1024 characters. */
const maxProblemBytes = 512;

/** What is remembered of a job between two looks; nothing is wrong without it. */
interface Memory {
  readonly uid: string;
  /** This operator gave the job out and has not heard of its first byte. */
  awaitsFirstByte: boolean;
  /** On the monotonic clock. */
  writtenMs: number;
}

/** Everything that happens to TransferJobs: observe, decide, act, report. */
export class TransferJobReconciler {
  readonly #deps: TransferJobDeps;
  readonly #ownWrites = new OwnWrites();
  readonly #actions: JobActions;
  readonly #rooms: Rooms;
  readonly #memories = new Map<string, Memory>();
  /** Jobs that cannot be read, by key, with the version of which that was told. */
  readonly #unreadable = new Map<string, string>();
  #census = { atMs: Number.NEGATIVE_INFINITY, shardCount: 0 };
  readonly #operatorStartedMs: number;

  constructor(deps: TransferJobDeps) {
    this.#deps = deps;
    this.#actions = new JobActions({ ...deps, ownWrites: this.#ownWrites });
    this.#rooms = new Rooms(deps.stores, deps.clock);
    this.#operatorStartedMs = deps.clock.now();
  }

  /** Brings one job nearer to what it should be. All stores must have been filled. */
  readonly reconcile = async (key: ObjectKey, signal: AbortSignal, log: Logger): Promise<Outcome> => {
    const { stores } = this.#deps;
    const job = stores.jobs.get(key);
    const unparsable = stores.jobs.unparsable(key);
    const strays = stores.shards.by('job', keyText(key)).filter(({ spec }) => spec.jobUID !== (unparsable ?? job?.metadata)?.uid);
    if (strays.length > 0) return await this.#deleteStrays(key, strays, signal);
    if (unparsable !== undefined) return await this.#reconcileUnreadable(unparsable, signal);
    this.#unreadable.delete(keyText(key));
    if (job === undefined) {
      this.#memories.delete(keyText(key));
      return done;
    }
    // The watch brings what this process has written, and queues the job.
    if (this.#isBehind(key, job)) return later(maxLagMs);
    const seen = this.#observe(job);
    const decision = decide(seen);
    this.#noticeFirstByte(seen);
    await this.#act(seen, decision, signal);
    if (decision.kind === 'createShard') this.#memory(job).awaitsFirstByte = true;
    if (decision.kind === 'leave') this.#memories.delete(keyText(key));
    log.debug({ decision: decision.kind }, 'job looked at');
    return await this.#report(seen, decision, signal);
  };

  /** The job with its status as it would be written now, from the newest reports; `undefined` when there is none of this name. */
  readonly liveStatus = (key: ObjectKey): JobStatusEvent | undefined => {
    const job = this.#deps.stores.jobs.get(key);
    if (job === undefined) return undefined;
    const { namespace, name, uid } = job.metadata;
    const seen = this.#observe(job);
    const decision = decide(seen);
    const status = job.status === undefined || saysMore(decision) ? nextStatus(seen, decision) : job.status;
    return { namespace, name, uid, status };
  };

  #observe(job: StoredTransferJob): Observed {
    return observe(job, { ...this.#deps, rooms: this.#rooms, operatorStartedMs: this.#operatorStartedMs }, this.#deps.clock.now());
  }

  /** What the API server refuses stands in the status, so that a person can act; it is tried again all the same. */
  async #act(seen: Observed, decision: Decision, signal: AbortSignal): Promise<void> {
    try {
      await this.#actions.act(seen.job, decision, signal);
    } catch (error) {
      const isRefusal = error instanceof OperatorError && !isConflict(error) && !isTransient(error) && !signal.aborted;
      if (isRefusal && !hasEnded(seen.job)) await this.#report(seen, refused(decision, error.message), signal);
      throw error;
    }
  }

  /** The job of these shards is gone, or another of its name has come: nobody is left to wait for them. */
  async #deleteStrays(key: ObjectKey, strays: readonly StoredTransferShard[], signal: AbortSignal): Promise<Outcome> {
    const { client, stores } = this.#deps;
    // The caches of shards and jobs may be of different moments; only the API server knows that a job does not exist.
    const job = await client.get(transferJobMetadata, key, signal);
    const cached = stores.jobs.unparsable(key)?.uid ?? stores.jobs.get(key)?.metadata.uid;
    for (const shard of strays) {
      const isDeleted = this.#ownWrites.isBehind(transferShards, { key: keyOf(shard), cached: shard }, this.#deps.clock.monotonicMs());
      if (!isDeleted && shard.spec.jobUID !== job?.metadata.uid) await this.#actions.deleteShard(shard, signal);
    }
    return job?.metadata.uid === cached ? done : later(maxLagMs);
  }

  /** It is left as it is, and can still be deleted. */
  async #reconcileUnreadable({ key, resourceVersion, problems }: UnparsableObject, signal: AbortSignal): Promise<Outcome> {
    // Reports about its shard come every second, and nothing of it has changed.
    if (this.#unreadable.get(keyText(key)) === resourceVersion) return done;
    const job = await this.#deps.client.get(transferJobMetadata, key, signal);
    if (job === undefined) return done;
    if (job.metadata.deletionTimestamp === undefined) {
      const message = oneLine(`this version of SmartCopy cannot read the job: ${problems.join('. ')}`, maxProblemBytes);
      this.#record(job, [{ type: 'Warning', reason: 'Unreadable', message }]);
      this.#unreadable.set(keyText(key), resourceVersion);
      throw new TerminalError(`${message}; delete it, or run the version that it was written for`);
    }
    const decision = letGo({ job, ...observeShard(job, { ...this.#deps, rooms: this.#rooms }) });
    if (decision.kind === 'hold') {
      this.#record(job, [{ type: 'Warning', ...decision.obstacle }]);
      return later(unreadableLookMs);
    }
    await this.#actions.act(job, decision, signal);
    // No change of the job can be counted on: one that cannot be read tells nothing.
    return decision.kind === 'leave' ? done : later(minProgressIntervalMs);
  }

  #isBehind(key: ObjectKey, job: StoredTransferJob): boolean {
    const { stores, namespace, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    const shardKey = { namespace, name: shardNameOf(job) };
    return (
      this.#ownWrites.isBehind(transferJobMetadata, { key, cached: job }, nowMs) ||
      this.#ownWrites.isBehind(transferShards, { key: shardKey, cached: stores.shards.get(shardKey) }, nowMs)
    );
  }

  /** Writes the status when that matters, and progress when it is time and there is room. */
  async #report(seen: Observed, decision: Decision, signal: AbortSignal): Promise<Outcome> {
    const nextMs = nextLookMs(seen, decision);
    const outcome = nextMs === undefined ? done : later(nextMs);
    if (!saysMore(decision)) return outcome;
    const { job } = seen;
    const status = nextStatus(seen, decision);
    const change = changeBetween(job.status, status);
    if (change === undefined) return outcome;
    if (change === 'progress') {
      const waitMs = this.#progressWaitMs(job);
      if (waitMs > 0) return later(Math.min(waitMs, nextMs ?? waitMs));
    }
    await this.#actions.writeStatus(job, { status, isTransition: change === 'transition' }, signal);
    this.#memory(job).writtenMs = this.#deps.clock.monotonicMs();
    const events = eventsBetween(job.status, status);
    this.#record(job, events);
    this.#count(seen, decision, events);
    return outcome;
  }

  /** How long progress must still wait; 0 when its turn has been taken. */
  #progressWaitMs(job: StoredTransferJob): number {
    const { budget, clock } = this.#deps;
    const intervalMs = Math.max(minProgressIntervalMs, (this.#shardCount() * 1000) / progressWritesPerSecond);
    const waitMs = this.#memory(job).writtenMs + intervalMs - clock.monotonicMs();
    if (waitMs > 0) return waitMs;
    return budget.tryTake() ? 0 : intervalMs;
  }

  /** About how many jobs are active: counted once a second at most, since every report asks. */
  #shardCount(): number {
    const { stores, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#census.atMs >= minProgressIntervalMs) this.#census = { atMs: nowMs, shardCount: stores.shards.list().length };
    return this.#census.shardCount;
  }

  #memory(job: StoredTransferJob): Memory {
    const text = keyText(keyOf(job));
    const known = this.#memories.get(text);
    if (known?.uid === job.metadata.uid) return known;
    const memory = { uid: job.metadata.uid, awaitsFirstByte: false, writtenMs: Number.NEGATIVE_INFINITY };
    this.#memories.set(text, memory);
    return memory;
  }

  #noticeFirstByte({ job, shard }: Observed): void {
    const agoMs = shard?.report?.firstByteForMs;
    if (shard?.heardMs === undefined || agoMs === undefined || !this.#memory(job).awaitsFirstByte) return;
    this.#memory(job).awaitsFirstByte = false;
    this.#deps.hooks?.onFirstByte?.(Math.max(0, shard.heardMs - agoMs - Date.parse(job.metadata.creationTimestamp)));
  }

  #count({ job }: Observed, decision: Decision, events: readonly JobEvent[]): void {
    const { hooks } = this.#deps;
    if (decision.kind === 'deny' && events.some(({ reason }) => reason === decision.denial.reason))
      hooks?.onPolicyDenied?.(decision.denial.reason);
    if (decision.kind !== 'finish') return;
    const { state, outcome, startTime = job.status?.startTime, completionTime } = decision.end;
    const durationMs = startTime === undefined || completionTime === undefined ? 0 : Date.parse(completionTime) - Date.parse(startTime);
    hooks?.onFinished?.({
      namespace: job.metadata.namespace,
      result: state === 'Succeeded' ? 'Complete' : 'Failed',
      reason: outcome?.reason ?? state,
      durationS: Math.max(0, durationMs / 1000),
    });
  }

  #record({ metadata }: { readonly metadata: StoredTransferJob['metadata'] }, events: readonly JobEvent[]): void {
    const object = { apiVersion: apiVersionOf(transferJobs), kind: transferJobs.kind, metadata };
    for (const event of events) this.#deps.recorder.record(object, event);
  }
}

/** Whether a decision leaves a state that the status describes; after the others the job is looked at again at once, or is done. */
function saysMore({ kind }: Decision): boolean {
  return !passing.has(kind);
}

const passing: ReadonlySet<Decision['kind']> = new Set([
  'leave',
  'deleteShard',
  'deleteUnreadable',
  'removeFinalizer',
  'recordEnd',
  'createShard',
]);
