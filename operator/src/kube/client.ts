import type { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { ApiConnection, type ApiRequest, type RequestHook } from './api-connection.ts';
import { isNotFound, KubeAnswerError, KubeApiError, type Question } from './api-error.ts';
import {
  apiVersionOf,
  collectionPath,
  type KubeObject,
  keyText,
  type ObjectKey,
  objectPath,
  type Parsed,
  parseObject,
  type Resource,
  type UnparsableObject,
} from './resource.ts';

export interface KubeClientOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent: string;
  /** Called once for each answer, and once for each that did not come. */
  readonly onRequest?: RequestHook;
  /** For one attempt to get an answer; 10 s unless given. */
  readonly timeoutMs?: number;
}

/** What narrows a list or a watch. */
export interface Selection {
  /** Absent or empty: every namespace. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection {
  readonly limit?: number | undefined;
  /** The token of the page before. */
  readonly continue?: string | undefined;
}

export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  readonly unparsable: readonly UnparsableObject[];
  /** What a watch that misses nothing starts from. */
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue?: string;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** How long the API server keeps the watch open. */
  readonly timeoutSeconds: number;
  /** After so long without a byte the connection counts as broken. */
  readonly silenceMs: number;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly resourceVersion: string; readonly parsed: Parsed<T> }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** What a status is written to: no more than names the object and the version that was looked at. */
export interface StatusUpdate {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string };
  readonly status: unknown;
}

/** What must still be true of an object for it to be deleted. */
export interface DeletePreconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** An object is at most 1.5 MiB in etcd; JSON escapes and managed fields may double that. */
const maxObjectBytes = 4 * 1024 ** 2;
/** Pages of 500 of the largest kinds read here (nodes, with all their images) stay below half of it. */
const maxListBytes = 64 * 1024 ** 2;

/**
 * Speaks with the API server. Reads are tried up to three times while the API server is busy or away; writes never are: a
 * reconciler looks at the world again first. Every attempt has a timeout.
 *
 * All methods throw `KubeApiError` for an answer that is no, `KubeUnreachableError` for none, `KubeAnswerError` for one that cannot
 * be used (also when the object cannot be read by this build), and the signal's reason.
 */
export class KubeClient {
  readonly #connection: ApiConnection;

  constructor({ kubeConfig, userAgent, onRequest, timeoutMs = 10_000 }: KubeClientOptions) {
    this.#connection = new ApiConnection({ kubeConfig, userAgent, timeoutMs, onRequest });
  }

  /** @returns undefined when there is no such object */
  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal: AbortSignal): Promise<T | undefined> {
    const request = read('get', resource, { object: keyText(key), path: objectPath(resource, key), maxBytes: maxObjectBytes });
    try {
      return parseOne(resource, request, await this.#connection.ask(request, signal));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** One page. Objects that cannot be read stand in `unparsable`. */
  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions, signal: AbortSignal): Promise<ListPage<T>> {
    const request: ApiRequest = {
      ...read('list', resource, {
        object: options.namespace ?? '',
        path: collectionPath(resource, options.namespace),
        maxBytes: maxListBytes,
      }),
      query: { ...selectionQuery(options), limit: options.limit?.toString(), continue: options.continue },
    };
    const { metadata, items } = parseAnswer(listAnswer, request, await this.#connection.ask(request, signal));
    const parsed = items.map((item) => parseObject(resource, item));
    return {
      items: parsed.flatMap((one) => (one.ok ? one.object : [])),
      unparsable: parsed.flatMap((one) => (one.ok ? [] : one.unparsable)),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue !== '' && { continue: metadata.continue }),
    };
  }

  /** @param object without apiVersion and kind; its metadata says where it goes */
  async create<T extends KubeObject>(resource: Resource<T>, object: object, signal: AbortSignal): Promise<T> {
    const { namespace, name } = newMetadata.parse(object).metadata;
    const path = collectionPath(resource, namespace);
    const request = write({ verb: 'create', resource: resource.plural, object: keyText({ namespace, name }) }, 'POST', path);
    return parseOne(resource, request, await this.#connection.ask({ ...request, ...json(withKind(resource, object)) }, signal));
  }

  /** Puts an object in the place of another. With `metadata.resourceVersion` only if nobody wrote since. */
  async replace<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, object: object, signal: AbortSignal): Promise<T> {
    const request = write({ verb: 'update', resource: resource.plural, object: keyText(key) }, 'PUT', objectPath(resource, key));
    return parseOne(resource, request, await this.#connection.ask({ ...request, ...json(withKind(resource, object)) }, signal));
  }

  /** Writes the whole status; everything else of the object stays. Conflicts when somebody wrote since `resourceVersion`. */
  async replaceStatus<T extends KubeObject>(resource: Resource<T>, object: StatusUpdate, signal: AbortSignal): Promise<T> {
    const { namespace, name, resourceVersion } = object.metadata;
    const metadata = { name, resourceVersion, ...(namespace !== '' && { namespace }) };
    const question = { verb: 'update', resource: `${resource.plural}/status`, object: keyText({ namespace, name }) };
    const request = write(question, 'PUT', `${objectPath(resource, { namespace, name })}/status`);
    const body = json(withKind(resource, { metadata, status: object.status }));
    return parseOne(resource, request, await this.#connection.ask({ ...request, ...body }, signal));
  }

  /** @param patch a JSON merge patch (RFC 7386); with `metadata.resourceVersion` it conflicts when somebody wrote since */
  async patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object, signal: AbortSignal): Promise<T> {
    const request = write({ verb: 'patch', resource: resource.plural, object: keyText(key) }, 'PATCH', objectPath(resource, key));
    const body = { body: JSON.stringify(patch), contentType: 'application/merge-patch+json' };
    return parseOne(resource, request, await this.#connection.ask({ ...request, ...body }, signal));
  }

  /** @returns false when there was no such object; a precondition that does not hold is a conflict */
  async delete(resource: Resource<KubeObject>, key: ObjectKey, preconditions: DeletePreconditions, signal: AbortSignal): Promise<boolean> {
    const request = write({ verb: 'delete', resource: resource.plural, object: keyText(key) }, 'DELETE', objectPath(resource, key));
    const deleteOptions = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions };
    try {
      await this.#connection.ask({ ...request, ...json(deleteOptions) }, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** For what is no object, such as a TokenReview. @param body with apiVersion and kind */
  async post(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const request = write({ verb: 'create', resource: path.slice(path.lastIndexOf('/') + 1), object: '' }, 'POST', path);
    return await this.#connection.ask({ ...request, ...json(body) }, signal);
  }

  /**
   * What happens after a resourceVersion, until the API server ends the watch.
   * @throws KubeApiError with status 410 when the resourceVersion is too old
   */
  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const request: ApiRequest = {
      ...read('watch', resource, {
        object: options.namespace ?? '',
        path: collectionPath(resource, options.namespace),
        maxBytes: maxObjectBytes,
      }),
      query: {
        ...selectionQuery(options),
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: `${options.timeoutSeconds}`,
      },
    };
    for await (const line of this.#connection.lines(request, options.silenceMs, signal)) {
      const { type, object } = parseAnswer(watchLine, request, line);
      if (type === 'ERROR') throw new KubeApiError(request.question, parseAnswer(statusObject, request, object));
      const { resourceVersion } = parseAnswer(versioned, request, object).metadata;
      yield type === 'BOOKMARK' ? { type, resourceVersion } : { type, resourceVersion, parsed: parseObject(resource, object) };
    }
  }

  /** Ends what is under way and closes every connection. */
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

const listAnswer = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().default('') }),
  items: z
    .array(z.unknown())
    .nullish()
    .transform((items) => items ?? []),
});
const newMetadata = z.object({ metadata: z.object({ name: z.string(), namespace: z.string().default('') }) });
const watchLine = z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']), object: z.unknown() });
const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const statusObject = z
  .object({ code: z.int().default(500), reason: z.string().default(''), message: z.string().default('') })
  .transform(({ code, reason, message }) => ({ status: code, reason, message }));

function read(verb: string, resource: Resource<KubeObject>, rest: { object: string; path: string; maxBytes: number }): ApiRequest {
  const { object, path, maxBytes } = rest;
  return { question: { verb, resource: resource.plural, object }, method: 'GET', path, maxBytes };
}

function write(question: Question, method: ApiRequest['method'], path: string): ApiRequest {
  return { question, method, path, maxBytes: maxObjectBytes };
}

function json(body: object): Pick<ApiRequest, 'body' | 'contentType'> {
  return { body: JSON.stringify(body), contentType: 'application/json' };
}

function withKind(resource: Resource<KubeObject>, object: object): object {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function selectionQuery({ labelSelector, fieldSelector }: Selection): Readonly<Record<string, string | undefined>> {
  return { labelSelector, fieldSelector };
}

function parseOne<T extends KubeObject>(resource: Resource<T>, { question }: ApiRequest, raw: unknown): T {
  const parsed = parseObject(resource, raw);
  if (parsed.ok) return parsed.object;
  throw new KubeAnswerError(question, `this build cannot read the object: ${parsed.unparsable.problems.join('. ')}`);
}

function parseAnswer<T>(schema: z.ZodType<T>, { question }: ApiRequest, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new KubeAnswerError(question, 'the answer is not of the form that the Kubernetes API describes', parsed.error);
}
