import { isDeepStrictEqual } from 'node:util';
import type { AssignmentReport, SyncRequest } from '@smartcopy/crds';

/** Who speaks for a node: proven by a token, never by what a request says. */
export interface AgentIdentity {
  readonly node: string;
  readonly podName: string;
  readonly podUid: string;
}

/** Why a held request goes on: nothing happened for as long as it may be held, there is news, or a newer request has taken its place. */
export type HoldEnd = 'over' | 'news' | 'replaced';

export interface HeldRequest {
  readonly appliedRevision: string | undefined;
  end(how: HoldEnd): void;
}

/** A set of assignments as it was sent. */
export interface SentSet {
  readonly revision: string;
  readonly shards: ReadonlySet<string>;
}

/** Two moments of one event: by the monotonic clock to reckon with, and in milliseconds since 1970 to show. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** What a request changed of what is known. */
export interface Heard {
  /** Shards that are reported now or were by the request before. */
  readonly shards: readonly string[];
  /** Whether anything but reports differs: who speaks, what it can do, its roots, the set it has applied, whether it is stuck. */
  readonly isChange: boolean;
}

/**
 * An agent that has not applied what it is sent for so long does not begin what is new and does not stop what is withdrawn. Its disk may be
 * full, or it does not understand the answer; one that does well takes less than a second.
 */
export const notAppliedAfterMs = 30_000;

/** What is known of the agent that speaks for one node; in memory only, the next request says it all again. */
export class AgentSession {
  speaker: AgentIdentity;
  request: SyncRequest;
  heardAt: Moment;
  held: HeldRequest | undefined;
  /** The latest end of a lease that the agents of this node were given, on the monotonic clock, margin included. */
  leasesEndMs = 0;
  /** Whether the agent has spoken for `notAppliedAfterMs` without having applied what it was sent. */
  isStuck = false;
  #reports: ReadonlyMap<string, AssignmentReport>;
  #lastSent: SentSet | undefined;
  /** The set that the agent has applied, when it is the one that it was sent last before it spoke. */
  #applied: SentSet | undefined;
  /** Since when every request has said that the set sent last is not applied, on the monotonic clock. */
  #notAppliedSinceMs: number | undefined;

  constructor(speaker: AgentIdentity, request: SyncRequest, at: Moment) {
    this.speaker = speaker;
    this.request = request;
    this.heardAt = at;
    this.#reports = reportsOf(request);
  }

  /** Takes in what the agent says now. It says all that it has to say: what it leaves out is no longer so. */
  hear(speaker: AgentIdentity, request: SyncRequest, at: Moment): Heard {
    const applied = request.appliedRevision === this.#lastSent?.revision ? this.#lastSent : undefined;
    const isOther = speaker.podUid !== this.speaker.podUid;
    const isStuck = this.#isStuck({ isOther, hasApplied: applied !== undefined }, at.monotonicMs);
    const isChange =
      isOther ||
      isStuck !== this.isStuck ||
      applied?.revision !== this.#applied?.revision ||
      request.instanceId !== this.request.instanceId ||
      request.version !== this.request.version ||
      !isDeepStrictEqual([request.capabilities, request.roots], [this.request.capabilities, this.request.roots]);
    const reports = reportsOf(request);
    const shards = [...new Set([...this.#reports.keys(), ...reports.keys()])];
    this.speaker = speaker;
    this.request = request;
    this.heardAt = at;
    this.#reports = reports;
    this.#applied = applied;
    this.isStuck = isStuck;
    return { shards, isChange };
  }

  /** That its process starts again and again does not make it another: it may end of what it is sent. */
  #isStuck({ isOther, hasApplied }: { readonly isOther: boolean; readonly hasApplied: boolean }, nowMs: number): boolean {
    if (isOther || hasApplied || this.#lastSent === undefined) this.#notAppliedSinceMs = undefined;
    else this.#notAppliedSinceMs ??= nowMs;
    return this.#notAppliedSinceMs !== undefined && nowMs - this.#notAppliedSinceMs >= notAppliedAfterMs;
  }

  /** The answer to the last request goes out. */
  sent(set: SentSet): void {
    this.#lastSent = set;
  }

  /** Whether the agent was sent this set before it made the request that it would now answer. */
  wasSent(revision: string): boolean {
    return this.#lastSent?.revision === revision;
  }

  reportOf(shard: string): AssignmentReport | undefined {
    return this.#reports.get(shard);
  }

  /**
   * Whether the agent has shown that it does not work on the shard: it was sent a set without it, then said that it has applied that
   * very set, and that nothing works on the shard. A request that names such a set without having been sent it anew proves nothing:
   * sets are named by content, so it may have been made before the shard was handed out, and have been late.
   */
  hasLetGoOf(shard: string): boolean {
    if (this.#applied === undefined || this.#applied.shards.has(shard)) return false;
    if (this.#lastSent?.shards.has(shard) === true) return false;
    const report = this.#reports.get(shard);
    return report === undefined || !(report.state === 'Running' || report.state === 'Stopping');
  }
}

function reportsOf(request: SyncRequest): ReadonlyMap<string, AssignmentReport> {
  return new Map(request.reports.map((report) => [report.assignment, report]));
}
