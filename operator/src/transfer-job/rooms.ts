import type { StoredTransferShard } from '@smartcopy/crds';
import type { Clock } from '../clock.ts';
import { type NodeRoom, roomOn, type WorkStores } from './assignments.ts';

/** A full node is counted again after so long: thousands of jobs that wait for one node ask at the same time. */
const keptForMs = 1_000;

/** Knows which shards wait because the answers to their node's agent have no room for them. */
export class Rooms {
  readonly #stores: WorkStores;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #counted = new Map<string, NodeRoom & { readonly atMs: number }>();

  constructor(stores: WorkStores, clock: Pick<Clock, 'monotonicMs'>) {
    this.#stores = stores;
    this.#clock = clock;
  }

  /**
   * How many shards the node's agent is given while this one waits, as of at most a second ago; `undefined` when there is room for it,
   * or when nobody wants it to be worked on.
   */
  givenInsteadOf({ metadata, spec }: StoredTransferShard): number | undefined {
    const { isFull, shardNames } = this.#roomOn(spec.node);
    return isFull && !shardNames.has(metadata.name) ? shardNames.size : undefined;
  }

  #roomOn(node: string): NodeRoom {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#counted.get(node);
    if (known !== undefined && nowMs - known.atMs < keptForMs) return known;
    const counted = { ...roomOn(node, this.#stores), atMs: nowMs };
    this.#forgetOlderThan(nowMs - keptForMs);
    this.#counted.delete(node);
    this.#counted.set(node, counted);
    return counted;
  }

  #forgetOlderThan(sinceMs: number): void {
    for (const [node, { atMs }] of this.#counted) {
      // In the order in which they were counted.
      if (atMs > sinceMs) return;
      this.#counted.delete(node);
    }
  }
}
