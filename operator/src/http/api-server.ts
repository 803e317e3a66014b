import type { Server } from 'node:https';
import { fastifySSE } from '@fastify/sse';
import { type ApiError, group, type JobStatusEvent, jobEventsPath, transferJobKind } from '@smartcopy/crds';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';
import { type Access, reviewAccess, type Wanted } from './access.ts';
import { streamJob } from './job-stream.ts';

export interface ApiServerOptions {
  readonly client: KubeClient;
  /** A job as it is now, from memory; `undefined` when there is none of that name. */
  readonly look: (job: { readonly namespace: string; readonly name: string }) => JobStatusEvent | undefined;
  /** Whether the operator has read all objects, so that what it does not know does not exist. */
  readonly isReady: () => boolean;
  /** PEM. */
  readonly tls: { readonly key: string; readonly cert: string };
  readonly log: Logger;
}

/** Streams at once: each costs a socket and a look at memory every second; a thousand are a few percent of a core. */
const maxStreams = 1_000;
/** One person, or one dashboard, leaves most of them to others. */
const maxStreamsOfOne = 100;
/** Whoever sends invented tokens costs the API server no more than so many questions at a time. */
const maxReviews = 32;
/** Silence that proxies take for a dead connection is longer than this. */
const heartbeatIntervalMs = 15_000;
/** One path and a token: whatever needs longer to say that means harm. */
const requestTimeoutMs = 10_000;

const statusOf: Readonly<Record<ApiError['code'], number>> = {
  Unauthenticated: 401,
  Forbidden: 403,
  NotFound: 404,
  TooManyRequests: 429,
  InternalError: 500,
  NotReady: 503,
};

const jobParameters = z.object({ namespace: z.string().max(63), name: z.string().max(253) });

/**
 * The public HTTP API over TLS, see http-api.ts. Who may see a job is the API server's answer, asked in the person's name.
 * Aborting the signal ends all streams; the caller closes the server.
 */
export async function createApiServer(options: ApiServerOptions, signal: AbortSignal): Promise<FastifyInstance<Server>> {
  const { tls, log } = options;
  const server = Fastify({
    https: { ...tls, minVersion: 'TLSv1.3' },
    requestTimeout: requestTimeoutMs,
    bodyLimit: 1_024, // Nothing here takes a body.
    forceCloseConnections: true,
  });
  await server.register(fastifySSE, { heartbeatInterval: heartbeatIntervalMs });
  server.setNotFoundHandler((request, reply) =>
    refuse(reply, 'NotFound', `there is nothing at ${request.method} ${request.url.split('?')[0]}`),
  );
  server.setErrorHandler((error, _request, reply) => {
    log.error({ err: error }, 'an HTTP request failed');
    return refuse(reply, 'InternalError', 'the request failed; the operator has logged why');
  });
  const load = new Load();
  server.get(jobEventsPath, { sse: 'only' }, (request, reply) => answer(options, { request, reply, load }, signal));
  return server;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly load: Load;
}

async function answer(
  options: ApiServerOptions,
  { request, reply, load }: Exchange,
  signal: AbortSignal,
): Promise<FastifyReply | undefined> {
  const parameters = jobParameters.safeParse(request.params);
  if (!parameters.success) return refuse(reply, 'NotFound', 'no namespace or job has so long a name');
  const job = parameters.data;
  const wanted: Wanted = { group, resource: transferJobKind.plural, ...job };
  const ask = async (): Promise<Access> => {
    load.reviews += 1;
    try {
      return await reviewAccess(options.client, request.headers.authorization, wanted, signal);
    } finally {
      load.reviews -= 1;
    }
  };
  if (load.reviews >= maxReviews) return refuse(reply, 'TooManyRequests', 'too many ask at once; ask again in a few seconds');
  const access = await ask();
  // Who may not see a job does not learn either whether there is one.
  if (access.kind !== 'allowed') return refuse(reply, access.kind, access.message);
  if (!options.isReady()) return refuse(reply, 'NotReady', 'the operator is still reading the objects; ask again in a few seconds');
  if (options.look(job) === undefined)
    return refuse(reply, 'NotFound', `there is no TransferJob ${job.name} in namespace ${job.namespace}`);
  if (!load.hasRoomFor(access.user))
    return refuse(reply, 'TooManyRequests', 'too many streams are open already; close some, or ask again later');

  const mayGoOn = async (): Promise<boolean> => {
    try {
      return (await ask()).kind === 'allowed';
    } catch (error) {
      // Who cannot be judged is let go; they ask again.
      options.log.warn({ err: error }, 'a stream ends because its access could not be reviewed');
      return false;
    }
  };
  load.open(access.user);
  try {
    await streamJob({ reply, look: () => options.look(job), mayGoOn }, signal);
  } finally {
    load.close(access.user);
  }
  return undefined;
}

/** What is under way for everybody. */
class Load {
  reviews = 0;
  readonly #streams = new Map<string, number>();

  /** Whether one more stream has room, for this person and for all. */
  hasRoomFor(user: string): boolean {
    const all = [...this.#streams.values()].reduce((sum, count) => sum + count, 0);
    return all < maxStreams && (this.#streams.get(user) ?? 0) < maxStreamsOfOne;
  }

  open(user: string): void {
    this.#streams.set(user, (this.#streams.get(user) ?? 0) + 1);
  }

  close(user: string): void {
    const left = (this.#streams.get(user) ?? 0) - 1;
    if (left > 0) this.#streams.set(user, left);
    else this.#streams.delete(user);
  }
}

function refuse(reply: FastifyReply, code: ApiError['code'], message: string): FastifyReply {
  const body: ApiError = { code, message };
  return reply.code(statusOf[code]).send(body);
}
