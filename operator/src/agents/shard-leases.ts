/** A shard on a node: what a lease is for. */
export interface ShardOnNode {
  readonly name: string;
  readonly node: string;
}

/** With the lease that the shard itself carries: every operator hands out the same one. */
export interface LeasedShard extends ShardOnNode {
  readonly leaseMs: number;
}

export interface ShardLeasesOptions {
  /** When this operator began to lead, in milliseconds of its monotonic clock. */
  readonly startedAtMs: number;
  /** What is waited for after a lease. */
  readonly marginMs: number;
}

/**
 * Until when an agent that falls silent may go on with a shard. A moment here is in milliseconds of the operator's monotonic clock,
 * which stands still while the machine sleeps and never jumps: by it a lease ends later than by the agent's own, never sooner.
 */
export class ShardLeases {
  readonly #startedAtMs: number;
  readonly #marginMs: number;
  readonly #ends = new Map<string, { readonly endMs: number; readonly unknownEndMs: number }>();

  constructor({ startedAtMs, marginMs }: ShardLeasesOptions) {
    this.#startedAtMs = startedAtMs;
    this.#marginMs = marginMs;
  }

  /** An answer that holds the shard goes out. @returns until when the agent may live by it, margin included */
  extend(shard: LeasedShard, nowMs: number): number {
    const endMs = Math.max(nowMs + shard.leaseMs + this.#marginMs, this.#ends.get(keyOf(shard))?.endMs ?? 0);
    this.#ends.set(keyOf(shard), { endMs, unknownEndMs: this.#unknownEndOf(shard) });
    return endMs;
  }

  /** This operator has just created the shard: before one of its answers holds it, nobody can work on it. */
  begin(shard: LeasedShard, nowMs: number): void {
    const key = keyOf(shard);
    if (!this.#ends.has(key)) this.#ends.set(key, { endMs: nowMs, unknownEndMs: this.#unknownEndOf(shard) });
  }

  /** When the last lease of the shard ends. Of a shard that was there before, an operator before this one may have spoken to the last. */
  endOf(shard: LeasedShard): number {
    return this.#ends.get(keyOf(shard))?.endMs ?? this.#unknownEndOf(shard);
  }

  /** Forgets what has ended, once that is also what would be said of an unknown shard. */
  prune(nowMs: number): void {
    for (const [key, { endMs, unknownEndMs }] of this.#ends) if (Math.max(endMs, unknownEndMs) <= nowMs) this.#ends.delete(key);
  }

  /** The operator before this one may have handed it out until the moment at which this one began. */
  #unknownEndOf({ leaseMs }: LeasedShard): number {
    return this.#startedAtMs + leaseMs + this.#marginMs;
  }
}

/** A slash occurs in neither name. */
function keyOf({ name, node }: ShardOnNode): string {
  return `${node}/${name}`;
}
