import type { StoredMeta } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { isAlreadyExists, isNotFound, isTransient } from './api-error.ts';
import { backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { coreResource, metadataOnly } from './resource.ts';
import { DeadlinePassed, pause, withDeadline } from './waiting.ts';
import type { WriteBudget } from './write-budget.ts';

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<StoredMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
}

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** One word in PascalCase. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly budget: WriteBudget;
  /** What writes the events: `smartcopy-operator`. */
  readonly component: string;
  /** Which one of it: the name of the pod. */
  readonly instance: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** One event that has still to be written. */
interface Pending {
  readonly subject: EventSubject;
  readonly text: EventText;
  /** Of the Event object, if it becomes a new one. */
  readonly name: string;
  readonly firstMs: number;
  lastMs: number;
  /** How often it happened since it was last written. */
  count: number;
  failureCount: number;
}

interface Written {
  readonly name: string;
  readonly count: number;
}

/** Many jobs at once have a few events each; beyond it something repeats itself. */
const maxPending = 1_000;
/** Events that may happen again and then count up. */
const maxWritten = 4_096;
const maxAttempts = 5;
const retryRange = { firstMs: 500, maxMs: 10_000 };
/** A pod that is told to stop has 30 s for everything. */
const flushMs = 3_000;
/** What events.k8s.io allows. */
const maxMessageBytes = 1_024;
/** A name of 253 characters, less a dot and the 16 digits of the time. */
const maxNamePrefix = 236;

const eventResource = coreResource({ kind: 'Event', plural: 'events', scope: 'Namespaced' }, metadataOnly);

/** Writes events in the background, in order and within the write budget. What happens again counts up the event that is there. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  readonly #written = new Map<string, Written>();
  #lastStamp = 0n;
  #droppedCount = 0;
  #wake: () => void = () => undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Notes an event; it does not wait and never fails. Beyond 1,000 that wait, new ones are dropped and counted in the log. */
  record(subject: EventSubject, text: EventText): void {
    const nowMs = this.#clock.now();
    const { kind, metadata } = subject;
    this.#options.log.info(
      { kind, namespace: metadata.namespace, name: metadata.name, type: text.type, reason: text.reason, text: text.message },
      'event',
    );
    const id = JSON.stringify([subject.metadata.uid, text.type, text.reason, text.message]);
    const known = this.#pending.get(id);
    if (known !== undefined) {
      known.count += 1;
      known.lastMs = nowMs;
      return;
    }
    if (this.#pending.size >= maxPending) {
      this.#droppedCount += 1;
      return;
    }
    const name = this.#nameFor(subject, nowMs);
    this.#pending.set(id, { subject, text, name, firstMs: nowMs, lastMs: nowMs, count: 1, failureCount: 0 });
    this.#wake();
  }

  /** Writes until the signal is aborted, and then for at most 3 s what was recorded before. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#pending.size === 0) await this.#arrival(signal);
        await this.#writeAll(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await this.#flush();
  }

  async #flush(): Promise<void> {
    try {
      await withDeadline(flushMs, new AbortController().signal, (limited) => this.#writeAll(limited));
    } catch (error) {
      if (!(error instanceof DeadlinePassed)) throw error;
      this.#options.log.warn({ droppedCount: this.#pending.size }, 'events were not written in time');
    }
  }

  async #writeAll(signal: AbortSignal): Promise<void> {
    for (let first = firstOf(this.#pending); first !== undefined; first = firstOf(this.#pending)) await this.#writeOnce(...first, signal);
    if (this.#droppedCount > 0) this.#options.log.warn({ droppedCount: this.#droppedCount }, 'too many events at once, some were dropped');
    this.#droppedCount = 0;
  }

  /** Leaves the event pending when it should be tried again. */
  async #writeOnce(id: string, pending: Pending, signal: AbortSignal): Promise<void> {
    await this.#options.budget.take('event', signal);
    // It may happen again while it is written: that is written next.
    const writing = { ...pending };
    try {
      await this.#write(id, writing, signal);
      pending.count -= writing.count;
    } catch (error) {
      if (signal.aborted) throw error;
      pending.failureCount += 1;
      if (isTransient(error) && pending.failureCount < maxAttempts) {
        await pause(backoffMs(retryRange, pending.failureCount, Math.random), signal);
        return;
      }
      const { kind, metadata } = pending.subject;
      this.#options.log.warn({ err: error, kind, name: metadata.name, reason: pending.text.reason }, 'event could not be written');
      pending.count = 0;
    }
    if (pending.count === 0) this.#pending.delete(id);
  }

  async #write(id: string, pending: Pending, signal: AbortSignal): Promise<void> {
    const written = this.#written.get(id);
    if (written !== undefined && (await this.#countUp(written, pending, signal))) {
      this.#remember(id, { name: written.name, count: written.count + pending.count });
      return;
    }
    await this.#create(pending, signal);
    this.#remember(id, { name: pending.name, count: pending.count });
  }

  /** @returns false when the event is no more: the API server keeps them for an hour */
  async #countUp({ name, count }: Written, pending: Pending, signal: AbortSignal): Promise<boolean> {
    const key = { namespace: namespaceFor(pending.subject), name };
    const patch = { count: count + pending.count, lastTimestamp: toTime(pending.lastMs) };
    try {
      await this.#options.client.patch(eventResource, key, patch, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(pending: Pending, signal: AbortSignal): Promise<void> {
    const { client, component, instance } = this.#options;
    const { subject, text } = pending;
    const { name, namespace, uid, resourceVersion } = subject.metadata;
    const event = {
      metadata: { name: pending.name, namespace: namespaceFor(subject) },
      involvedObject: { apiVersion: subject.apiVersion, kind: subject.kind, name, namespace, uid, resourceVersion },
      type: text.type,
      reason: text.reason,
      message: shortened(text.message),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: toTime(pending.firstMs),
      lastTimestamp: toTime(pending.lastMs),
      count: pending.count,
    };
    try {
      await client.create(eventResource, event, signal);
    } catch (error) {
      // Nobody else has this name: an attempt before this one succeeded and its answer was lost.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** Names sort by time: kubectl shows events of the same second in the order of their names. */
  #nameFor({ metadata }: EventSubject, nowMs: number): string {
    const stamp = BigInt(nowMs) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000));
    this.#lastStamp = stamp > this.#lastStamp ? stamp : this.#lastStamp + 1n;
    const prefix = metadata.name.slice(0, maxNamePrefix).replace(/[.-]+$/, '');
    return `${prefix}.${this.#lastStamp.toString(16).padStart(16, '0')}`;
  }

  #remember(id: string, written: Written): void {
    // The last one written stays longest.
    this.#written.delete(id);
    this.#written.set(id, written);
    const [oldest] = this.#written.keys();
    if (this.#written.size > maxWritten && oldest !== undefined) this.#written.delete(oldest);
  }

  /** Resolves when there may be something to write, or the signal is aborted. */
  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

function firstOf<Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined {
  const [first] = map;
  return first;
}

/** Events of cluster-scoped objects are kept there, and kubectl looks for them there. */
function namespaceFor({ metadata }: EventSubject): string {
  return metadata.namespace === '' ? 'default' : metadata.namespace;
}

function shortened(message: string): string {
  if (Buffer.byteLength(message) <= maxMessageBytes) return message;
  const ellipsis = '…';
  const kept = Buffer.from(message)
    .subarray(0, maxMessageBytes - Buffer.byteLength(ellipsis))
    .toString('utf8');
  // A character that was cut apart reads as U+FFFD.
  return kept.replace(/\uFFFD+$/, '') + ellipsis;
}
