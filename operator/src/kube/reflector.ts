import type { Logger } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { isGone, KubeApiError, KubeUnreachableError } from './api-error.ts';
import { type BackoffRange, backoffMs } from './backoff.ts';
import type { KubeClient, Selection, WatchEvent } from './client.ts';
import { type KubeObject, keyOf, keyText, type Parsed, type Resource, type UnparsableObject } from './resource.ts';
import type { Store } from './store.ts';
import { pauseUnlessStopped } from './waiting.ts';

/** Why a watch ended; `Closed` is how the API server ends one that has lasted long enough. */
export type WatchEnd = 'Closed' | 'Silent' | 'Gone' | 'Refused' | 'Broken' | 'Unusable';

interface ReflectorHooks {
  readonly onWatchRestart?: (resource: string, reason: WatchEnd) => void;
  /** Everything was listed: at the start, or because a watch could not go on. */
  readonly onRelist?: (resource: string) => void;
}

export interface ReflectorTiming {
  readonly pageSize: number;
  /** How long the API server is asked to keep a watch open: by chance within these bounds, so that not all begin anew at once. */
  readonly watchSeconds: { readonly min: number; readonly max: number };
  readonly silenceMs: number;
  readonly backoff: BackoffRange;
}

export const defaultTiming: ReflectorTiming = {
  pageSize: 500,
  watchSeconds: { min: 300, max: 600 },
  // An API server sends a bookmark about once a minute: two that did not come, and a margin. Where it sends none, a new watch costs little.
  silenceMs: 150_000,
  // Nothing happens until the watches are back, so they look often; that is one small request for each kind.
  backoff: { firstMs: 500, maxMs: 5_000 },
};

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  /** Where the objects go; nobody else writes into it. */
  readonly store: Store<T>;
  readonly log: Logger;
  readonly hooks?: ReflectorHooks;
  readonly timing?: ReflectorTiming;
  readonly clock?: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/** A watch that lived so long did its work, even if nothing happened meanwhile: what ended it is no repeated failure. */
const provenAfterMs = 10_000;
/** After so many watches in a row that did not work, the resourceVersion itself is doubted and everything is listed. */
const maxFutileWatches = 5;

/** Keeps a store equal to what the API server has: lists everything once, then watches what changes, and begins again as often as needed. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Up to where the store is complete; absent means that it must be listed. */
  #resourceVersion: string | undefined;
  #heardAtMs: number;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = options.timing ?? defaultTiming;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#heardAtMs = this.#clock.monotonicMs();
  }

  /** When the API server last said something, on the monotonic clock; at first, when this was made. Older than `silenceMs` is trouble. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Runs until the signal is aborted; what fails is logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    for (let futileCount = 0; !signal.aborted; ) {
      const worked = await this.#listAndWatch(signal);
      futileCount = worked ? 0 : futileCount + 1;
      if (futileCount % maxFutileWatches === 0 && futileCount > 0) this.#resourceVersion = undefined;
      await pauseUnlessStopped(backoffMs(this.#timing.backoff, futileCount + 1, this.#random), signal);
    }
  }

  /** @returns whether the watch that ended had worked */
  async #listAndWatch(signal: AbortSignal): Promise<boolean> {
    const { resource, log, hooks } = this.#options;
    try {
      this.#resourceVersion ??= await this.#list(signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, resource: resource.plural }, 'list failed');
      return false;
    }
    const startMs = this.#clock.monotonicMs();
    const { reason, error, hasSpoken } = await this.#watchToEnd(this.#resourceVersion, signal);
    if (signal.aborted) return true;
    hooks?.onWatchRestart?.(resource.plural, reason);
    if (error === undefined) log.debug({ resource: resource.plural }, 'watch ended');
    else log.warn({ err: error, resource: resource.plural, reason }, 'watch broke off');
    if (reason === 'Gone') this.#resourceVersion = undefined;
    return hasSpoken || this.#clock.monotonicMs() - startMs >= provenAfterMs;
  }

  /** @throws also when the list took so long that its later pages are gone: then it must start over */
  async #list(signal: AbortSignal): Promise<string> {
    const { client, resource, store, hooks, namespace, labelSelector, fieldSelector } = this.#options;
    const items: T[] = [];
    const unparsable: UnparsableObject[] = [];
    let token: string | undefined;
    for (;;) {
      const options = { namespace, labelSelector, fieldSelector, limit: this.#timing.pageSize, continue: token };
      const page = await client.list(resource, options, signal);
      this.#heard();
      items.push(...page.items);
      unparsable.push(...page.unparsable);
      token = page.continue;
      if (token === undefined) {
        for (const object of store.replaceAll(items, unparsable)) this.#complain(object);
        hooks?.onRelist?.(resource.plural);
        return page.resourceVersion;
      }
    }
  }

  async #watchToEnd(resourceVersion: string, signal: AbortSignal): Promise<{ reason: WatchEnd; error?: unknown; hasSpoken: boolean }> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { silenceMs, watchSeconds } = this.#timing;
    const timeoutSeconds = Math.round(watchSeconds.min + (watchSeconds.max - watchSeconds.min) * this.#random());
    const options = { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, silenceMs };
    let hasSpoken = false;
    try {
      for await (const event of client.watch(resource, options, signal)) {
        hasSpoken = true;
        this.#heard();
        this.#apply(event);
        this.#resourceVersion = event.resourceVersion;
      }
      return { reason: 'Closed', hasSpoken };
    } catch (error) {
      return { reason: reasonOf(error), error, hasSpoken };
    }
  }

  #apply(event: WatchEvent<T>): void {
    const { store } = this.#options;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        if (event.parsed.ok) store.put(event.parsed.object);
        else if (store.putUnparsable(event.parsed.unparsable)) this.#complain(event.parsed.unparsable);
        return;
      case 'DELETED':
        store.remove(keyOfParsed(event.parsed));
        return;
      case 'BOOKMARK':
        return;
    }
  }

  #complain({ key, resourceVersion, problems }: UnparsableObject): void {
    const { log, resource } = this.#options;
    const values = { resource: resource.plural, key: keyText(key), resourceVersion, problems };
    log.warn(values, 'object cannot be read by this build, what was last read of it stays');
  }

  #heard(): void {
    this.#heardAtMs = this.#clock.monotonicMs();
  }
}

function keyOfParsed<T extends KubeObject>(parsed: Parsed<T>) {
  return parsed.ok ? keyOf(parsed.object) : parsed.unparsable.key;
}

function reasonOf(error: unknown): WatchEnd {
  if (isGone(error)) return 'Gone';
  if (error instanceof KubeApiError) return 'Refused';
  if (error instanceof KubeUnreachableError) return error.timedOut ? 'Silent' : 'Broken';
  return 'Unusable';
}
