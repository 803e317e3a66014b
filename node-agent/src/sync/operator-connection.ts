import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import {
  maxSyncBytes,
  operatorTlsName,
  type SyncRefusal,
  type SyncRequest,
  type SyncResponse,
  syncPath,
  syncRefusal,
  syncResponse,
} from '@smartcopy/crds';
import { z } from 'zod';
import { SmartcopyError } from '../errors.ts';
import { unlessAborted } from '../pause.ts';

export interface ConnectionOptions {
  /** `https://host:port` */
  readonly operator: URL;
  /** The authorities that the operator's certificate is trusted by, in PEM; read again for each request, for they are rotated. */
  readonly caFile: string;
  /** The agent's token; read again for each request, for it lives an hour. */
  readonly tokenFile: string;
}

export type Answer =
  | { readonly kind: 'answered'; readonly response: SyncResponse }
  | { readonly kind: 'refused'; readonly status: number; readonly refusal: SyncRefusal | undefined };

/** There was no answer, or none that could be understood; `word` is short and bounded, for metrics. */
export class NoAnswerError extends SmartcopyError {
  readonly word: 'Unreachable' | 'Timeout' | 'NotUnderstood' | 'NoCredentials';

  constructor(word: NoAnswerError['word'], message: string, options?: ErrorOptions) {
    super('SC_NO_ANSWER', message, options);
    this.word = word;
  }
}

export interface Exchange {
  /** Aborted: the request is given up, and the exchange ends with the signal's reason. */
  readonly signal: AbortSignal;
  /** For connecting, sending and the whole answer. */
  readonly timeoutMs: number;
  /** `host:port` of an operator's leader, dialled in place of the configured address. */
  readonly leader?: string | undefined;
}

/** The agent's side of the exchange: one request after the other over one connection, TLS 1.3, under the operator's own name. */
export class OperatorConnection {
  readonly #options: ConnectionOptions;
  #authorities: string | undefined;
  #agent: Agent | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @throws NoAnswerError; the reason of the signal when that was aborted */
  async sync(request: SyncRequest, { signal, timeoutMs, leader }: Exchange): Promise<Answer> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, timeout]);
    const address = leader === undefined ? this.#options.operator : new URL(`https://${leader}`);
    try {
      // Whatever a peer does and a disk does not, the exchange is over in time.
      return await unlessAborted(either, this.#exchange(JSON.stringify(request), address, either));
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) throw new NoAnswerError('Timeout', `the operator did not answer within ${timeoutMs / 1000} s`, { cause: error });
      if (error instanceof NoAnswerError) throw error;
      throw new NoAnswerError('Unreachable', `the operator cannot be reached: ${describe(error)}`, { cause: error });
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async #exchange(body: string, address: URL, signal: AbortSignal): Promise<Answer> {
    const { authorities, token } = await this.#readCredentials();
    signal.throwIfAborted();
    const { status, text } = await this.#post(body, { address, token, agent: this.#agentFor(authorities), signal });
    return understand(status, text);
  }

  async #readCredentials(): Promise<{ readonly authorities: readonly string[]; readonly token: string }> {
    const { caFile, tokenFile } = this.#options;
    try {
      const [authorities, token] = await Promise.all([readFile(caFile, 'utf8'), readFile(tokenFile, 'utf8')]);
      return { authorities: certificatesIn(authorities, caFile), token: wordOf(token, tokenFile) };
    } catch (error) {
      throw new NoAnswerError('NoCredentials', `what proves this agent or the operator cannot be read: ${describe(error)}`, {
        cause: error,
      });
    }
  }

  /** Other authorities mean another connection: the one that is open was trusted by those of before. */
  #agentFor(authorities: readonly string[]): Agent {
    const joined = authorities.join('\n');
    if (this.#agent !== undefined && this.#authorities === joined) return this.#agent;
    this.close();
    this.#authorities = joined;
    this.#agent = new Agent({ ca: [...authorities], keepAlive: true, maxSockets: 2, minVersion: 'TLSv1.3', servername: operatorTlsName });
    return this.#agent;
  }

  #post(body: string, { address, token, agent, signal }: Post): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        new URL(syncPath, address),
        {
          method: 'POST',
          agent,
          signal,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), authorization: `Bearer ${token}` },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > maxSyncBytes)
              request.destroy(new NoAnswerError('NotUnderstood', `the answer is larger than ${maxSyncBytes} bytes`));
            else chunks.push(chunk);
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      // Such as an answer that switches protocols: Node ends the request without another word.
      request.on('close', () => reject(new NoAnswerError('NotUnderstood', 'the connection was closed before there was an answer')));
      request.end(body);
    });
  }
}

interface Post {
  readonly address: URL;
  readonly token: string;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * The certificates of a file in PEM.
 * @throws when there is none, or one that is no certificate: with no authority at all Node would trust those of the whole internet
 */
function certificatesIn(text: string, file: string): readonly string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new SmartcopyError('SC_NO_CERTIFICATE', `${file} holds no certificate`);
  for (const block of blocks) new X509Certificate(block);
  return blocks;
}

function wordOf(text: string, file: string): string {
  const word = text.trim();
  if (word === '') throw new SmartcopyError('SC_NO_TOKEN', `${file} is empty`);
  return word;
}

function understand(status: number, text: string): Answer {
  if (status !== 200) return { kind: 'refused', status, refusal: syncRefusal.safeParse(parseJson(text)).data };
  const parsed = syncResponse.safeParse(parseJson(text));
  if (parsed.success) return { kind: 'answered', response: parsed.data };
  const problem = z.prettifyError(parsed.error).slice(0, 500);
  throw new NoAnswerError('NotUnderstood', `the operator's answer cannot be understood: ${problem}`, { cause: parsed.error });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The schema says that it is nothing.
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
