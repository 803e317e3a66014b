import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

export interface StatusServerOptions {
  readonly registry: Registry;
  /** Why it is not ready; `undefined` when it is. */
  readonly notReadyBecause: () => string | undefined;
}

/** Nothing but short GETs come here. */
const requestTimeoutMs = 10_000;

/**
 * What Kubernetes and Prometheus ask the operator, without TLS and without anything secret: /healthz (it answers), /readyz (it has read the
 * objects), /metrics. The caller listens and closes.
 */
export function createStatusServer(options: StatusServerOptions): Server {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    answer(request, response, options).catch(() => response.destroy());
  });
  return server;
}

async function answer({ method, url }: IncomingMessage, response: ServerResponse, options: StatusServerOptions): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return reply(response, 405, 'only GET is answered here\n');
  switch (url?.split('?')[0]) {
    case '/healthz':
      return reply(response, 200, 'ok\n');
    case '/readyz': {
      const reason = options.notReadyBecause();
      return reason === undefined ? reply(response, 200, 'ok\n') : reply(response, 503, `${reason}\n`);
    }
    case '/metrics':
      return reply(response, 200, await options.registry.metrics(), options.registry.contentType);
    default:
      return reply(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function reply(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType }).end(text);
}
