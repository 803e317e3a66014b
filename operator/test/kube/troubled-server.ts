import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { KubeClient } from '../../src/kube/client.ts';

/** Answers one request whose body has come. */
export type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

export interface Troubled {
  readonly client: KubeClient;
  /** `GET /apis/...`, one for each request that came. */
  readonly asked: string[];
  /** When each came, in milliseconds. */
  readonly askedAtMs: number[];
}

/** A client of a server that gives these answers in turn, the last one for ever: what a real API server says only in trouble. */
export async function troubled(t: TestContext, answers: readonly [Answer, ...Answer[]], timeoutMs = 5_000): Promise<Troubled> {
  const asked: string[] = [];
  const askedAtMs: number[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? answers[0];
    asked.push(`${request.method} ${request.url}`);
    askedAtMs.push(performance.now());
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => answer(response, request, body));
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  cleanUp(t, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const kubeConfig = new KubeConfig();
  const cluster = { name: 'test', server: `http://127.0.0.1:${address.port}/prefix/`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'test', username: 'me', password: 'secret' });
  const client = new KubeClient({ kubeConfig, userAgent: 'test', timeoutMs });
  cleanUp(t, () => client.close());
  return { client, asked, askedAtMs };
}

export function json(status: number, body: unknown): Answer {
  return (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function refusal(status: number, reason: string): Answer {
  return json(status, { kind: 'Status', status: 'Failure', reason, message: `it is ${reason}`, code: status });
}
