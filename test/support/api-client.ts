import { Agent, request } from 'node:https';
import { z } from 'zod';
import type { Credential } from './certificates.ts';

/** Who is asking: by a certificate, by a token, or nobody. */
export type Identity = Credential | { readonly token: string } | undefined;

export interface Answer {
  readonly status: number;
  /** As it came. */
  readonly text: string;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const timeoutMs = 30_000;
const refusal = z.object({ reason: z.string().optional(), message: z.string() });

/** An answer of the API server that is not the one hoped for. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;
  readonly reason: string;

  constructor(what: string, { status, text }: Answer) {
    const said = readRefusal(text);
    super(`${what}: ${status} ${said?.message ?? text}`);
    this.status = status;
    this.reason = said?.reason ?? '';
  }
}

/** Speaks JSON with an API server, without a process for each question as kubectl has. Connections are kept: close it. */
export class ApiClient {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, ca: string, identity: Identity) {
    const certificate = identity !== undefined && 'certificate' in identity ? { cert: identity.certificate, key: identity.key } : {};
    this.#url = url;
    this.#agent = new Agent({ ca, keepAlive: true, ...certificate });
    this.#headers = identity !== undefined && 'token' in identity ? { authorization: `Bearer ${identity.token}` } : {};
  }

  /**
   * Asks, and gives the parsed answer.
   * @param body is sent as JSON; with PATCH as a merge patch
   * @throws ApiRefusal for every status from 300
   */
  async request(method: Method, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new ApiRefusal(`${method} ${path}`, answer);
    return JSON.parse(answer.text);
  }

  /** Asks, and gives the answer whatever its status is. */
  ask(method: Method, path: string, body?: unknown): Promise<Answer> {
    const json = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const text = body === undefined ? '' : JSON.stringify(body);
    // Node sends no length with DELETE by itself, and a body without one would be read as the next request.
    const length = { 'content-length': Buffer.byteLength(text) };
    const headers = { ...this.#headers, ...(body === undefined ? {} : { 'content-type': json, ...length }) };
    return new Promise((resolve, reject) => {
      const asked = request(new URL(path, this.#url), { method, headers, agent: this.#agent, timeout: timeoutMs }, (response) => {
        let said = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          said += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: said }));
        response.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs / 1000} s`)));
      asked.on('error', reject);
      asked.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function readRefusal(text: string): z.infer<typeof refusal> | undefined {
  try {
    return refusal.parse(JSON.parse(text));
  } catch {
    return undefined; // not an answer of the API server's own making: it is shown as it came
  }
}
