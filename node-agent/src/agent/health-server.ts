import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SmartcopyError } from '../errors.ts';

export interface HealthOptions {
  /** The page for Prometheus and its content type. */
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>;
  /** Why the agent should be started again; `undefined` while it should not. */
  readonly notHealthyBecause: () => string | undefined;
  /** Why the agent is of no use yet; `undefined` once it is. */
  readonly notReadyBecause: () => string | undefined;
}

/** A kubelet, a Prometheus or two, and a person: more are a mistake. */
const maxConnections = 64;
const requestTimeoutMs = 10_000;

/** Answers /metrics, /healthz and /readyz, without TLS: there is nothing in them to hide. */
export class HealthServer {
  readonly #options: HealthOptions;
  readonly #server: Server;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.maxConnections = maxConnections;
  }

  /** @param address port 0 takes any that is free @returns the port @throws NodeJS.ErrnoException when it is taken */
  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address, resolve);
    });
    return portOf(this.#server.address());
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'only GET\n');
    switch (url?.split('?')[0]) {
      case '/healthz':
        return sendUnless(response, this.#options.notHealthyBecause());
      case '/readyz':
        return sendUnless(response, this.#options.notReadyBecause());
      case '/metrics':
        return await this.#answerMetrics(response);
      default:
        return send(response, 404, 'there are /metrics, /healthz and /readyz\n');
    }
  }

  async #answerMetrics(response: ServerResponse): Promise<void> {
    try {
      const { text, contentType } = await this.#options.metrics();
      send(response, 200, text, contentType);
    } catch (error) {
      send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

function sendUnless(response: ServerResponse, why: string | undefined): void {
  if (why === undefined) send(response, 200, 'ok\n');
  else send(response, 503, `${why}\n`);
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new SmartcopyError('SC_INTERNAL', 'the status server listens on no port');
  return address.port;
}
