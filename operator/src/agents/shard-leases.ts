/** A shard on a node: what a lease is for. */
export interface ShardOnNode {
  readonly name: string;
  readonly node: string;
}

export interface ShardLeasesOptions {
  /** When this operator began to lead, in milliseconds of its monotonic clock. */
  readonly startedAtMs: number;
  /** How long a lease of the operator before this one may last from then, margin included. */
  readonly unknownForMs: number;
}

/**
 * Until when an agent that falls silent may go on with a shard. A moment here is in milliseconds of the operator's monotonic clock,
 * which stands still while the machine sleeps and never jumps: by it a lease ends later than by the agent's own, never sooner.
 */
export class ShardLeases {
  readonly #ends = new Map<string, number>();
  readonly #unknownEndMs: number;

  constructor({ startedAtMs, unknownForMs }: ShardLeasesOptions) {
    this.#unknownEndMs = startedAtMs + unknownForMs;
  }

  /** An answer that holds the shard goes out; the agent may live by it until `endMs`, margin included. */
  extend(shard: ShardOnNode, endMs: number): void {
    const key = keyOf(shard);
    this.#ends.set(key, Math.max(endMs, this.#ends.get(key) ?? 0));
  }

  /** This operator has just created the shard: before one of its answers holds it, nobody can work on it. */
  begin(shard: ShardOnNode, nowMs: number): void {
    const key = keyOf(shard);
    if (!this.#ends.has(key)) this.#ends.set(key, nowMs);
  }

  /** When the last lease of the shard ends. Of a shard that was there before, an operator before this one may have spoken to the last. */
  endOf(shard: ShardOnNode): number {
    return this.#ends.get(keyOf(shard)) ?? this.#unknownEndMs;
  }

  /** Forgets what has ended, once that is also what would be said of an unknown shard. */
  prune(nowMs: number): void {
    if (nowMs < this.#unknownEndMs) return;
    for (const [key, endMs] of this.#ends) if (endMs <= nowMs) this.#ends.delete(key);
  }
}

/** A slash occurs in neither name. */
function keyOf({ name, node }: ShardOnNode): string {
  return `${node}/${name}`;
}
