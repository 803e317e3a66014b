import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fastifySSE } from '@fastify/sse';
import type { JobStatusEvent } from '@smartcopy/crds';
import Fastify from 'fastify';
import { streamJob } from '../../src/http/job-stream.ts';

const small: JobStatusEvent = { namespace: 'climate', name: 'run42', uid: 'a', status: { phase: 'Running' } };
/** More than the buffers of a connection hold. */
const large: JobStatusEvent = {
  ...small,
  status: {
    phase: 'Running',
    conditions: [{ type: 'Complete', status: 'False', reason: 'Running', message: 'x'.repeat(64 * 1024 ** 2), lastTransitionTime: '' }],
  },
};

interface Served {
  readonly port: number;
  /** Settles when the stream's work is over. */
  readonly over: Promise<void>;
}

/** A server with one stream. */
async function serve(t: TestContext, look: () => JobStatusEvent, signal: AbortSignal): Promise<Served> {
  const server = Fastify({ forceCloseConnections: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  await server.register(fastifySSE);
  server.get('/', { sse: 'only' }, async (_request, reply) => {
    await streamJob({ reply, look, mayGoOn: () => Promise.resolve(true) }, signal).then(resolve, reject);
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  const address = server.server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port, over: promise };
}

const request = 'GET / HTTP/1.1\r\nHost: operator\r\nAccept: text/event-stream\r\n\r\n';

test('a reader who stopped reading and went away leaves nothing behind', { timeout: 20_000 }, async (t) => {
  const { port, over } = await serve(t, () => large, new AbortController().signal);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(request);
  await setTimeout(1_000); // The buffers are full, and the server waits.

  socket.destroy();

  await over;
});

test('the end of the operator ends the stream', { timeout: 20_000 }, async (t) => {
  const end = new AbortController();
  const { port, over } = await serve(t, () => small, end.signal);
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'text/event-stream' } });

  end.abort();

  await over;
  assert.match(await response.text(), /^event: status\ndata: .*"phase":"Running"/m);
});
