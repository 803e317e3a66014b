import type { Server } from 'node:https';
import { maxSyncBytes, type SyncRefusal, type SyncResponse, syncPath, syncRequest } from '@smartcopy/crds';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import { OperatorError } from '../errors.ts';
import { portOf } from '../port-of.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { AgentIdentity } from './agent-session.ts';
import type { Authenticator, AuthFailureReason, Refused } from './authenticate.ts';
import type { KeyPair } from './certificate-authority.ts';
import { SyncRefusedError } from './sync-refused-error.ts';

export interface AgentServerOptions {
  readonly directory: AgentDirectory;
  readonly authenticator: Authenticator;
  readonly certificate: KeyPair;
  readonly log: Logger;
  readonly onAuthFailure?: (reason: AuthFailureReason) => void;
  /** Called for each answer with its status; 0 when the agent was gone before there was one. */
  readonly onSync?: (answer: { readonly code: number; readonly durationMs: number }) => void;
}

/** Longer than a request is held (60 s at most) and than agents pause: a connection serves an agent for good. */
const keepAliveTimeoutMs = 120_000;
/** For all of a request to arrive: 4 MiB over a slow link, but not the life of a socket that sends a byte a minute. */
const requestTimeoutMs = 30_000;
const handshakeTimeoutMs = 10_000;
/** A connection for each agent of the largest fleet, as many that are about to end, and room. */
const maxConnections = 12_000;
/** Answers to held requests are on their way at once; a connection that is not gone by then will not be. */
const closeWithinMs = 5_000;

const statusOf: Readonly<Record<SyncRefusal['code'], number>> = {
  BadRequest: 400,
  Unauthenticated: 401,
  Superseded: 409,
  NotReady: 503,
};

/** The server side of the exchange with the agents: TLS 1.3, one path, and nobody is read who has not proven to be an agent. */
export class AgentServer {
  readonly #options: AgentServerOptions;
  readonly #server: FastifyInstance<Server>;
  readonly #agents = new WeakMap<FastifyRequest, AgentIdentity>();

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#server = this.#build(options.certificate);
    options.authenticator.onPodChange((node) => this.#recheckHeld(node));
  }

  /** @param address port 0 takes any that is free @returns the port */
  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    await this.#server.listen(address);
    return portOf(this.#server.server.address());
  }

  /** Serves another certificate to those who connect from now on; connections that are open stay. */
  useCertificate({ certificate, key }: KeyPair): void {
    this.#server.server.setSecureContext({ ...tlsOptions, cert: certificate, key });
  }

  /** Answers every held request, and ends when all answers are out. */
  async close(): Promise<void> {
    this.#options.directory.releaseAll();
    const timer = setTimeout(() => this.#server.server.closeAllConnections(), closeWithinMs);
    try {
      await this.#server.close();
    } finally {
      clearTimeout(timer);
    }
  }

  #build({ certificate, key }: KeyPair): FastifyInstance<Server> {
    const server = Fastify({
      https: { ...tlsOptions, cert: certificate, key, handshakeTimeout: handshakeTimeoutMs },
      bodyLimit: maxSyncBytes,
      keepAliveTimeout: keepAliveTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // While it closes, requests on open connections are answered in the words that agents understand.
      return503OnClosing: false,
    });
    server.server.maxConnections = maxConnections;
    server.setNotFoundHandler((_request, reply) => reply.code(404).send(refusal('BadRequest', `agents ask by POST ${syncPath}`)));
    server.setErrorHandler((error: FastifyError, _request, reply) => this.#answerError(error, reply));
    server.post(syncPath, {
      onRequest: (request, reply) => this.#identify(request, reply),
      handler: (request, reply) => this.#answer(request, reply),
    });
    return server;
  }

  /** Comes before the body is read. Asynchronous hooks of fastify end a request by returning its reply. */
  async #identify(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const { onSync, authenticator } = this.#options;
    const startMs = performance.now();
    reply.raw.once('close', () => {
      onSync?.({ code: reply.raw.writableFinished ? reply.statusCode : 0, durationMs: performance.now() - startMs });
    });
    const authentication = await authenticator.authenticate(request.headers.authorization);
    if (authentication.kind === 'refused') return this.#refuse(reply, authentication);
    this.#agents.set(request, authentication.agent);
    return undefined;
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<SyncResponse | FastifyReply> {
    const { directory, authenticator } = this.#options;
    const agent = this.#agents.get(request);
    if (agent === undefined) throw new OperatorError('SC_INTERNAL', 'a sync request came to its handler without having been authenticated');
    const body = syncRequest.safeParse(request.body);
    if (!body.success) return reply.code(400).send(refusal('BadRequest', z.prettifyError(body.error)));
    // The body took its time, and so does holding: the pod may have gone meanwhile.
    const before = authenticator.recheck(agent);
    if (before !== undefined) return this.#refuse(reply, before);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const response = await this.#sync({ directory, agent, body: body.data }, gone.signal);
    const after = authenticator.recheck(agent);
    if (after !== undefined) return this.#refuse(reply, after);
    return 'revision' in response ? response : reply.code(statusOf[response.code]).send(response);
  }

  async #sync(
    { directory, agent, body }: { directory: AgentDirectory; agent: AgentIdentity; body: z.infer<typeof syncRequest> },
    signal: AbortSignal,
  ): Promise<SyncResponse | SyncRefusal> {
    try {
      return await directory.sync(agent, body, signal);
    } catch (error) {
      if (error instanceof SyncRefusedError) return error.refusal;
      throw error;
    }
  }

  #refuse(reply: FastifyReply, { reason, refusal: body }: Refused): FastifyReply {
    this.#options.onAuthFailure?.(reason);
    this.#options.log.debug({ reason, remoteAddress: reply.request.ip }, 'agent refused');
    return reply.code(statusOf[body.code]).send(body);
  }

  #answerError(error: FastifyError, reply: FastifyReply): FastifyReply {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(refusal('BadRequest', error.message));
    // Nobody is there to be answered.
    if (reply.raw.destroyed) return reply.code(499).send();
    this.#options.log.error({ err: error }, 'sync failed');
    return reply.code(503).send(refusal('NotReady', 'the operator failed to answer and has logged why; ask again'));
  }

  /** Ends the hold of an agent whose pod has gone or has a successor: looking again, the server refuses it. */
  #recheckHeld(node: string): void {
    const { directory, authenticator } = this.#options;
    const speaker = directory.agentOn(node);
    if (speaker !== undefined && authenticator.recheck(speaker) !== undefined) directory.release(node);
  }
}

const tlsOptions = { minVersion: 'TLSv1.3' } as const;

function refusal(code: SyncRefusal['code'], message: string): SyncRefusal {
  return { code, message: message.slice(0, 1024) };
}
