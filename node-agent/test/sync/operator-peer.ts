import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import {
  operatorTlsName,
  type SyncRefusal,
  type SyncRequest,
  type SyncResponse,
  syncPath,
  syncRequest,
  syncResponse,
} from '@smartcopy/crds';
import { type Authority, makeAuthority } from '../../../test/support/certificates.ts';
import { cleanUp } from '../../../test/support/clean-up.ts';

/** What the peer answers: an answer of the contract, a refusal, any text, or any bytes in place of an answer in HTTP. */
export type PeerAnswer =
  | SyncResponse
  | { readonly status: number; readonly refusal: SyncRefusal }
  | { readonly text: string }
  | { readonly bytes: string };

export interface Received {
  readonly request: SyncRequest;
  readonly authorization: string | undefined;
  /** When it came, by performance.now(). */
  readonly atMs: number;
}

export interface PeerOptions {
  readonly authority?: Authority;
  /** Names in its certificate. */
  readonly hosts?: readonly [string, ...string[]];
  readonly maxVersion?: 'TLSv1.2';
  /** 0 takes any that is free. */
  readonly port?: number;
}

/**
 * The other side of the exchange, in the contract's words: it parses what agents say, and answers what a test wants. It holds a request
 * as the contract says, until `answer` gives something or `waitMs` is over.
 */
export class OperatorPeer {
  readonly authority: Authority;
  readonly received: Received[] = [];
  /** Undefined: nothing new, hold the request. */
  answer: (received: Received) => PeerAnswer | undefined = () => nothingToDo;
  /** What a held request is answered with when its time is over. */
  afterHold: SyncResponse = nothingToDo;
  readonly #server: Server;
  #connections = 0;

  private constructor(authority: Authority, server: Server) {
    this.authority = authority;
    this.#server = server;
    server.on('secureConnection', () => {
      this.#connections += 1;
    });
  }

  static async start(
    t: TestContext,
    { hosts = [operatorTlsName], maxVersion, port = 0, ...given }: PeerOptions = {},
  ): Promise<OperatorPeer> {
    const authority = given.authority ?? (await makeAuthority());
    const { certificate, key } = await authority.issue({ commonName: 'operator', hosts });
    const server = createServer({ cert: certificate, key, ...(maxVersion === undefined ? {} : { maxVersion }) });
    const peer = new OperatorPeer(authority, server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const isSync = request.method === 'POST' && request.url === syncPath;
        if (!isSync) return response.writeHead(404).end();
        const parsed = syncRequest.parse(JSON.parse(Buffer.concat(chunks).toString()));
        const received = { request: parsed, authorization: request.headers.authorization, atMs: performance.now() };
        peer.received.push(received);
        const end = (answer: PeerAnswer): void => {
          if ('bytes' in answer) request.socket.write(answer.bytes);
          else if ('refusal' in answer) response.writeHead(answer.status).end(JSON.stringify(answer.refusal));
          else response.writeHead(200).end('text' in answer ? answer.text : JSON.stringify(syncResponse.parse(answer)));
        };
        const first = peer.answer(received);
        if (first !== undefined) return end(first);
        const timer = setInterval(() => {
          const answer = peer.answer(received);
          if (answer === undefined && performance.now() - received.atMs < parsed.waitMs) return;
          clearInterval(timer);
          end(answer ?? peer.afterHold);
        }, 10);
        response.on('close', () => clearInterval(timer));
        return undefined;
      });
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    cleanUp(t, () => peer.stop());
    return peer;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the peer does not listen');
    return address.port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): URL {
    return new URL(`https://${this.address}`);
  }

  get last(): SyncRequest | undefined {
    return this.received.at(-1)?.request;
  }

  /** How many connections were made to it. */
  get connections(): number {
    return this.#connections;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

export const nothingToDo: SyncResponse = { revision: 'nothing', assignments: [], allowances: [], nextSyncMs: 0 };

export function refused(code: SyncRefusal['code'], leader?: string): { readonly status: number; readonly refusal: SyncRefusal } {
  const status = { Unauthenticated: 401, Superseded: 409, NotReady: 503, BadRequest: 400 }[code];
  return { status, refusal: { code, message: `it is ${code}`, ...(leader === undefined ? {} : { leader }) } };
}
