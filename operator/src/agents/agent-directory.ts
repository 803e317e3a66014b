import type { Allowance, Assignment, AssignmentReport, SyncRequest, SyncResponse } from '@smartcopy/crds';
import type { Clock } from '../clock.ts';
import { pauseUnlessStopped } from '../kube/waiting.ts';
import { type AgentIdentity, AgentSession, type HoldEnd } from './agent-session.ts';
import { holdMs, nextSyncMs } from './pace.ts';
import { revisionOf } from './revision.ts';
import { type LeasedShard, ShardLeases, type ShardOnNode } from './shard-leases.ts';
import { SyncRefusedError } from './sync-refused-error.ts';

/** What a node should be doing: everything, not what has changed. At most `maxAssignments` of each, or no agent understands it. */
export interface NodeWork {
  readonly assignments: readonly Assignment[];
  readonly allowances: readonly Allowance[];
}

export interface AgentDirectoryOptions {
  readonly clock: Clock;
  /** When this operator began to lead, in milliseconds of the monotonic clock: leases given before then are counted from here. */
  readonly startedAtMs: number;
  /** What is waited for after a lease, for clocks that run differently and for threads at the end of a chunk. */
  readonly leaseMarginMs: number;
  /** Pure, from the caches; called for every answer and for every change that might concern the node. */
  readonly workFor: (node: string) => NodeWork;
  /** Whether `workFor` knows everything. While it does not, no agent is told anything: an empty set out of ignorance would stop all work. */
  readonly isReady: () => boolean;
}

/** An agent as others see it. */
export interface ConnectedAgent extends AgentIdentity {
  readonly version: string;
  readonly capabilities: SyncRequest['capabilities'];
  readonly roots: SyncRequest['roots'];
  /** When its last request arrived, in milliseconds since 1970. */
  readonly lastSeenMs: number;
  /** Whether that is less than `agentLostAfterMs` ago. */
  readonly isHeard: boolean;
  /** Whether it has spoken for `notAppliedAfterMs` without having applied what it was sent. */
  readonly isStuck: boolean;
}

/** An agent that has not asked for so long is lost: three of the longest holds with their pauses, and a restart of its container. */
export const agentLostAfterMs = 90_000;
/** For so long jobs say when it was heard last; a node that has gone for good is forgotten then. */
const rememberedForMs = 3_600_000;
/** Twice the agents of the largest fleet; each holds one request. */
const maxHeldRequests = 10_000;
const sweepMs = 5_000;

/**
 * Who is connected, what they say, and the requests that wait for news. In memory only: the API server and the next requests give it back.
 * Requests must be authenticated before they come here.
 */
export class AgentDirectory {
  readonly #options: AgentDirectoryOptions;
  readonly #leases: ShardLeases;
  readonly #sessions = new Map<string, AgentSession>();
  readonly #reportListeners: ((shardName: string) => void)[] = [];
  readonly #agentListeners: ((node: string) => void)[] = [];
  readonly #lost = new Set<string>();
  #heldCount = 0;
  #isClosing = false;

  constructor(options: AgentDirectoryOptions) {
    this.#options = options;
    this.#leases = new ShardLeases({ startedAtMs: options.startedAtMs, marginMs: options.leaseMarginMs });
  }

  /**
   * One exchange with an agent. Answers at once when the agent has not applied what it should be doing, else when that changes or when
   * it has been held for long enough.
   * @param signal aborted when the agent is gone
   * @throws SyncRefusedError when the operator cannot answer, or when the request is no longer the one to answer
   */
  async sync(agent: AgentIdentity, request: SyncRequest, signal: AbortSignal): Promise<SyncResponse> {
    if (this.#isClosing) throw notReady('the operator is about to end; ask again');
    this.#requireReady();
    const session = this.#hear(agent, request);
    const wasSentBefore = session.wasSent(this.#revisionFor(agent.node));
    const beganAtMs = this.#options.clock.monotonicMs();
    if ((await this.#hold(session, request, signal)) === 'replaced') throw notReady('another request of this agent has taken its place');
    signal.throwIfAborted();
    this.#requireReady();
    const work = this.#options.workFor(agent.node);
    const revision = revisionOf(work.assignments);
    this.#send(session, work, revision);
    return {
      revision,
      assignments: [...work.assignments],
      allowances: [...work.allowances],
      nextSyncMs: nextSyncMs({
        hasNews: revision !== request.appliedRevision,
        wasSentBefore,
        agentCount: this.#sessions.size,
        heldForMs: this.#options.clock.monotonicMs() - beganAtMs,
      }),
    };
  }

  /** Something changed that may change what the node should be doing: answers its held request if it does. */
  nodeChanged(node: string): void {
    const held = this.#sessions.get(node)?.held;
    if (held !== undefined && this.#revisionFor(node) !== held.appliedRevision) held.end('news');
  }

  /** The same for every node. */
  allChanged(): void {
    for (const node of this.#sessions.keys()) this.nodeChanged(node);
  }

  /** Answers the held request of a node whatever it would be told, so that the server looks again at who asks. */
  release(node: string): void {
    this.#sessions.get(node)?.held?.end('news');
  }

  /** Answers every held request, and refuses what comes after: the operator is about to end. */
  releaseAll(): void {
    this.#isClosing = true;
    for (const node of this.#sessions.keys()) this.release(node);
  }

  /** This operator has just created the shard: no lease of an earlier operator is to be waited for. */
  shardCreated(shard: LeasedShard): void {
    this.#leases.begin(shard, this.#options.clock.monotonicMs());
  }

  /** The last word about a shard from the agent that now speaks for its node; what it says about another epoch is not heard. */
  reportFor(shard: ShardOnNode & { readonly epoch: number }): AssignmentReport | undefined {
    const report = this.#sessions.get(shard.node)?.reportOf(shard.name);
    return report?.epoch === shard.epoch ? report : undefined;
  }

  /**
   * Whether nothing on the node can be working on the shard: the agent that speaks for it has let go of it, or every lease has ended.
   * An earlier agent of the node is not waited for: the lock on the node's state directory lets one of them live.
   */
  isStopped(shard: LeasedShard): boolean {
    if (this.#sessions.get(shard.node)?.hasLetGoOf(shard.name) === true) return true;
    return this.#options.clock.monotonicMs() >= this.#leases.endOf(shard);
  }

  /** The latest time at which the shard will have stopped if it is not handed out again, in milliseconds since 1970: when to look again. */
  stoppedAtMs(shard: LeasedShard): number {
    const { clock } = this.#options;
    return clock.now() + Math.max(0, this.#leases.endOf(shard) - clock.monotonicMs());
  }

  /** How many requests wait for news. */
  get heldCount(): number {
    return this.#heldCount;
  }

  agents(): readonly ConnectedAgent[] {
    return [...this.#sessions.values()].map((session) => this.#connected(session));
  }

  agentOn(node: string): ConnectedAgent | undefined {
    const session = this.#sessions.get(node);
    return session === undefined ? undefined : this.#connected(session);
  }

  /** @param listener called with the name of every shard that a request reports, or no longer reports */
  onReport(listener: (shardName: string) => void): void {
    this.#reportListeners.push(listener);
  }

  /** @param listener called when an agent comes, is lost, is another, can do something else, has applied another set, or gets or is no longer stuck */
  onAgentChange(listener: (node: string) => void): void {
    this.#agentListeners.push(listener);
  }

  /** Notices that agents are lost, and forgets what is too old to matter, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.sweep();
      await pauseUnlessStopped(sweepMs, signal);
    }
  }

  /** What `run` does again and again. */
  sweep(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [node, session] of this.#sessions) {
      const silentForMs = nowMs - session.heardAt.monotonicMs;
      if (silentForMs >= agentLostAfterMs && !this.#lost.has(node)) {
        this.#lost.add(node);
        this.#agentChanged(node);
      }
      // Nothing that it was told can still be at work, so that nothing it said matters.
      if (silentForMs >= rememberedForMs && nowMs >= session.leasesEndMs) this.#forget(node);
    }
    this.#leases.prune(nowMs);
  }

  #hear(agent: AgentIdentity, request: SyncRequest): AgentSession {
    const { clock } = this.#options;
    const at = { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
    const before = this.#sessions.get(agent.node);
    const session = before ?? new AgentSession(agent, request, at);
    this.#sessions.set(agent.node, session);
    // One request of a node is in flight: whoever waits on the older one is gone, or is not to be told anything.
    session.held?.end('replaced');
    const { shards, isChange } = session.hear(agent, request, at);
    for (const shard of shards) for (const listener of this.#reportListeners) listener(shard);
    if (this.#lost.delete(agent.node) || isChange || before === undefined) this.#agentChanged(agent.node);
    return session;
  }

  async #hold(session: AgentSession, request: SyncRequest, signal: AbortSignal): Promise<HoldEnd> {
    const { node } = session.speaker;
    const work = this.#options.workFor(node);
    const ms = holdMs(request.waitMs, work);
    const { appliedRevision } = request;
    if (revisionOf(work.assignments) !== appliedRevision || ms === 0 || this.#heldCount >= maxHeldRequests || signal.aborted) return 'news';
    const { promise, resolve } = Promise.withResolvers<HoldEnd>();
    const onAbort = () => resolve('over');
    const held = { appliedRevision, end: resolve };
    const timer = setTimeout(resolve, ms, 'over');
    signal.addEventListener('abort', onAbort, { once: true });
    session.held = held;
    this.#heldCount += 1;
    try {
      return await promise;
    } finally {
      this.#heldCount -= 1;
      if (session.held === held) session.held = undefined;
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    }
  }

  /** Keeps what the answer hands out. Leases are counted from here, later than the agent counts: from when it sent its request. */
  #send(session: AgentSession, work: NodeWork, revision: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { node } = session.speaker;
    const ends = work.assignments.map(({ id, leaseMs }) => this.#leases.extend({ name: id, node, leaseMs }, nowMs));
    session.leasesEndMs = Math.max(session.leasesEndMs, ...ends);
    session.sent({ revision, shards: new Set(work.assignments.map(({ id }) => id)) });
  }

  #revisionFor(node: string): string {
    return revisionOf(this.#options.workFor(node).assignments);
  }

  #requireReady(): void {
    if (!this.#options.isReady()) throw notReady('the operator does not know all work yet; ask again');
  }

  #connected({ speaker, request, heardAt, isStuck }: AgentSession): ConnectedAgent {
    const { version, capabilities, roots } = request;
    const isHeard = this.#options.clock.monotonicMs() - heardAt.monotonicMs < agentLostAfterMs;
    return { ...speaker, version, capabilities, roots, lastSeenMs: heardAt.wallMs, isHeard, isStuck };
  }

  #forget(node: string): void {
    this.#sessions.delete(node);
    this.#lost.delete(node);
    this.#agentChanged(node);
  }

  #agentChanged(node: string): void {
    for (const listener of this.#agentListeners) listener(node);
  }
}

function notReady(message: string): SyncRefusedError {
  return new SyncRefusedError({ code: 'NotReady', message });
}
