import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { cleanUp } from './clean-up.ts';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A way to a port of this host whose connections can be cut, or frozen as if somebody had pulled a cable. */
export class BreakableProxy {
  readonly port: number;
  readonly #pairs: Set<Pair>;
  readonly #state: { isFrozen: boolean };

  private constructor(port: number, pairs: Set<Pair>, state: { isFrozen: boolean }) {
    this.port = port;
    this.#pairs = pairs;
    this.#state = state;
  }

  static async open(t: TestContext, targetPort: number): Promise<BreakableProxy> {
    const pairs = new Set<Pair>();
    const state = { isFrozen: false };
    const server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port: targetPort });
      const pair = { near, far };
      pairs.add(pair);
      near.pipe(far);
      far.pipe(near);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on('error', () => undefined); // The end is told by `close`.
        socket.on('close', () => {
          other.destroy();
          pairs.delete(pair);
        });
      }
      if (state.isFrozen) freeze(pair);
    });
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    cleanUp(t, async () => {
      for (const pair of pairs) pair.near.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return new BreakableProxy(address.port, pairs, state);
  }

  get connectionCount(): number {
    return this.#pairs.size;
  }

  /** Ends every connection; new ones work. */
  cut(): void {
    for (const { near } of this.#pairs) near.destroy();
  }

  /** From now on nothing passes, on old connections and new ones, but all stay open. */
  freeze(): void {
    this.#state.isFrozen = true;
    for (const pair of this.#pairs) freeze(pair);
  }

  /** New connections work again; those that were frozen stay so. */
  thawForNew(): void {
    this.#state.isFrozen = false;
  }

  /** Everything works again, with nothing lost of what was sent meanwhile. */
  thaw(): void {
    this.#state.isFrozen = false;
    for (const { near, far } of this.#pairs) {
      near.pipe(far);
      far.pipe(near);
    }
  }
}

function freeze({ near, far }: Pair): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}
