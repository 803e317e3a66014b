import type { KubeConfig } from '@kubernetes/client-node';
import { type Dispatcher, errors, request as send } from 'undici';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { isTransient, KubeAnswerError, KubeApiError, KubeUnreachableError, type Question } from './api-error.ts';
import { backoffMs } from './backoff.ts';
import { Credentials } from './credentials.ts';
import { DeadlinePassed, pause, unlessAborted, withDeadline } from './waiting.ts';

export interface ApiRequest {
  readonly question: Question;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded, without a query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  /** The longest answer, or the longest line of a stream. */
  readonly maxBytes: number;
}

/** The HTTP status, or why there was none, or none that could be used. */
type Code = number | 'Timeout' | 'Unreachable' | 'Unusable';

export type RequestHook = (request: {
  readonly verb: string;
  readonly resource: string;
  readonly code: Code;
  readonly durationMs: number;
}) => void;

type Limits = Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout'> & { readonly signal: AbortSignal };

export interface ApiConnectionOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent: string;
  /** For one attempt, from the connection to the last byte; for a stream, to its headers. */
  readonly timeoutMs: number;
  readonly onRequest?: RequestHook | undefined;
}

/** An API server that restarts is back after more than that: whoever asks has their own patience. */
const maxAttempts = 3;
const retryRange = { firstMs: 200, maxMs: 2_000 };
/** An API server that asks for more is overloaded: the caller should hear of it. */
const maxRetryAfterMs = 10_000;
/** Of an answer that is no JSON, as much as a person wants to read. */
const maxPlainTextLength = 200;
const newline = 10;

/** Requests and their answers as JSON, with timeouts, retries of reads, and errors that say what was asked. */
export class ApiConnection {
  readonly #credentials: Credentials;
  readonly #userAgent: string;
  readonly #timeoutMs: number;
  readonly #onRequest: RequestHook | undefined;

  constructor({ kubeConfig, userAgent, timeoutMs, onRequest }: ApiConnectionOptions) {
    this.#credentials = new Credentials(kubeConfig, timeoutMs);
    this.#userAgent = userAgent;
    this.#timeoutMs = timeoutMs;
    this.#onRequest = onRequest;
  }

  /** The body of the answer. */
  async ask(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    for (let attemptCount = 1; ; attemptCount += 1) {
      try {
        return await this.#askOnce(request, signal);
      } catch (error) {
        if (request.method !== 'GET' || attemptCount === maxAttempts || !isTransient(error)) throw error;
        const askedMs = error instanceof KubeApiError ? Math.min(error.retryAfterMs, maxRetryAfterMs) : 0;
        await pause(Math.max(askedMs, backoffMs(retryRange, attemptCount, Math.random)), signal);
      }
    }
  }

  /** The lines of an answer that goes on. A silence of `silenceMs` ends it with `KubeUnreachableError`, `timedOut`. */
  async *lines(request: ApiRequest, silenceMs: number, signal: AbortSignal): AsyncGenerator<unknown> {
    const body = await this.#answered(request, signal, async () => {
      const response = await this.#send(request, { signal, headersTimeout: this.#timeoutMs, bodyTimeout: silenceMs });
      if (response.statusCode >= 400) throw refusal(request, response, await readText(response.body, request));
      return { code: response.statusCode, value: response.body };
    });
    try {
      for await (const line of splitLines(body, request)) yield parseJson(line, request);
    } catch (error) {
      throw this.#translated(error, request.question, signal);
    }
  }

  async close(): Promise<void> {
    await this.#credentials.close();
  }

  async #askOnce(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    return await this.#answered(request, signal, () =>
      withDeadline(this.#timeoutMs, signal, async (limited) => {
        const response = await this.#send(request, { signal: limited });
        const text = await readText(response.body, request);
        if (response.statusCode >= 400) throw refusal(request, response, text);
        return { code: response.statusCode, value: parseJson(text, request) };
      }),
    );
  }

  /** Counts and times what a request came to, and turns the ways in which it can fail into our own. */
  async #answered<T>({ question }: ApiRequest, signal: AbortSignal, run: () => Promise<{ code: number; value: T }>): Promise<T> {
    const startMs = systemClock.monotonicMs();
    const report = (code: Code): void => {
      this.#onRequest?.({ verb: question.verb, resource: question.resource, code, durationMs: systemClock.monotonicMs() - startMs });
    };
    try {
      const { code, value } = await run();
      report(code);
      return value;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const ours = this.#translated(error, question, signal);
      report(codeOf(ours));
      throw ours;
    }
  }

  #translated(error: unknown, question: Question, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof OperatorError) return error;
    const timedOut = isTimeout(error);
    if (timedOut) this.#credentials.renew();
    const message = `no answer from the API server: ${error instanceof Error ? error.message : String(error)}`;
    return new KubeUnreachableError(question, { timedOut, message, cause: error });
  }

  async #send(request: ApiRequest, limits: Limits): Promise<Dispatcher.ResponseData> {
    const { signal } = limits;
    const { server, headers, dispatcher } = await unlessAborted(this.#credentials.current(), signal);
    const answer = send(`${server}${request.path}${queryText(request.query)}`, {
      ...limits,
      dispatcher,
      method: request.method,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(request.contentType !== undefined && { 'content-type': request.contentType }),
      },
      ...(request.body !== undefined && { body: request.body }),
    });
    // While it connects undici only notes that the signal was aborted: then the request is never sent, but it would be waited for.
    return await unlessAborted(answer, signal);
  }
}

function queryText(query: ApiRequest['query'] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') given.set(name, value);
  return given.size === 0 ? '' : `?${given}`;
}

async function readText(body: AsyncIterable<Buffer>, { question, maxBytes }: ApiRequest): Promise<string> {
  const chunks: Buffer[] = [];
  let readBytes = 0;
  for await (const chunk of body) {
    readBytes += chunk.length;
    if (readBytes > maxBytes) throw new KubeAnswerError(question, `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The complete lines; what comes after the last one was cut off and is no event. */
async function* splitLines(body: AsyncIterable<Buffer>, { question, maxBytes }: ApiRequest): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...held, chunk.subarray(start, end)]).toString('utf8');
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
    held.push(chunk.subarray(start));
    heldBytes += chunk.length - start;
    if (heldBytes > maxBytes) throw new KubeAnswerError(question, `an event is longer than ${maxBytes} bytes`);
  }
}

function parseJson(text: string, { question }: ApiRequest): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeAnswerError(question, `the answer is no JSON: ${text.slice(0, maxPlainTextLength)}`, error);
  }
}

/** metav1.Status, as far as it is read; an overloaded API server answers in plain text. */
const statusAnswer = z.object({ kind: z.literal('Status'), reason: z.string().default(''), message: z.string().default('') });

function refusal({ question }: ApiRequest, { statusCode, headers }: Dispatcher.ResponseData, text: string): KubeApiError {
  const retryAfterMs = secondsOf(headers['retry-after']) * 1000;
  const parsed = statusAnswer.safeParse(jsonOrUndefined(text));
  const said = parsed.success ? parsed.data : { reason: '', message: text.trim().slice(0, maxPlainTextLength) };
  return new KubeApiError(question, { status: statusCode, retryAfterMs, reason: said.reason, message: said.message });
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Retry-After as the API server writes it, in whole seconds. */
function secondsOf(header: string | string[] | undefined): number {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : 0;
}

function isTimeout(error: unknown): boolean {
  const { HeadersTimeoutError, BodyTimeoutError, ConnectTimeoutError } = errors;
  return [DeadlinePassed, HeadersTimeoutError, BodyTimeoutError, ConnectTimeoutError].some((kind) => error instanceof kind);
}

function codeOf(error: unknown): Code {
  if (error instanceof KubeApiError) return error.status;
  if (error instanceof KubeUnreachableError) return error.timedOut ? 'Timeout' : 'Unreachable';
  return 'Unusable';
}
