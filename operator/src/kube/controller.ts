import type { Logger } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { isConflict } from './api-error.ts';
import { keyText, type ObjectKey } from './resource.ts';
import { withDeadline } from './waiting.ts';
import type { WorkQueue } from './work-queue.ts';

/** How a reconciliation ended well: look again after a while, or only when something changes. */
export type Outcome = { readonly requeueAfterMs?: number };

export const done: Outcome = {};

export function later(ms: number): Outcome {
  return { requeueAfterMs: ms };
}

/** Nothing but a change of the object, or of what it names, can help: it is not tried again by itself. */
export class TerminalError extends OperatorError {
  constructor(message: string, options?: ErrorOptions) {
    super('SC_TERMINAL', message, options);
  }
}

export type Reconcile = (key: ObjectKey, signal: AbortSignal, log: Logger) => Promise<Outcome>;

export type ReconcileResult = 'Done' | 'Later' | 'Terminal' | 'Conflict' | 'Failed' | 'Stopped';

interface ControllerHooks {
  readonly onReconcile?: (reconciliation: {
    readonly controller: string;
    readonly result: ReconcileResult;
    readonly durationMs: number;
  }) => void;
}

export interface ControllerOptions {
  /** For logs and metrics. */
  readonly name: string;
  readonly queue: WorkQueue;
  /** Looks at the world and brings one object nearer to what it should be. It heeds its signal: nobody can end it otherwise. */
  readonly reconcile: Reconcile;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** After so long the signal of a reconciliation is aborted; it counts as failed. */
  readonly timeoutMs: number;
  readonly log: Logger;
  readonly hooks?: ControllerHooks;
  readonly clock?: Clock;
}

/**
 * Takes keys from the queue and reconciles them, until the signal is aborted and what is under way has ended.
 * A failure is tried again with backoff, a `TerminalError` is not; both are logged here, once.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const workers = Array.from({ length: options.concurrency }, () => work(options, signal));
  await Promise.all(workers);
}

async function work(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    const key = await takeUnlessStopped(options.queue, signal);
    if (key === undefined) return;
    try {
      await reconcileOnce(options, key, signal);
    } finally {
      options.queue.done(key);
    }
  }
}

async function takeUnlessStopped(queue: WorkQueue, signal: AbortSignal): Promise<ObjectKey | undefined> {
  try {
    return await queue.take(signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function reconcileOnce(options: ControllerOptions, key: ObjectKey, signal: AbortSignal): Promise<void> {
  const { name, hooks, clock = systemClock } = options;
  const log = options.log.child({ controller: name, key: keyText(key) });
  const startMs = clock.monotonicMs();
  const result = await attempt(options, { key, log }, signal);
  hooks?.onReconcile?.({ controller: name, result, durationMs: clock.monotonicMs() - startMs });
}

async function attempt(
  { queue, reconcile, timeoutMs }: ControllerOptions,
  { key, log }: { readonly key: ObjectKey; readonly log: Logger },
  signal: AbortSignal,
): Promise<ReconcileResult> {
  try {
    const { requeueAfterMs } = await withDeadline(timeoutMs, signal, (limited) => reconcile(key, limited, log));
    queue.forget(key);
    if (requeueAfterMs === undefined) return 'Done';
    queue.addAfter(key, requeueAfterMs);
    return 'Later';
  } catch (error) {
    if (signal.aborted) return 'Stopped';
    if (error instanceof TerminalError) {
      queue.forget(key);
      log.warn({ err: error }, 'reconciliation ended: somebody must act');
      return 'Terminal';
    }
    queue.addRateLimited(key);
    if (isConflict(error)) {
      // The cache was older than the object: the watch brings the newer one, and nothing is wrong.
      log.debug({ err: error }, 'reconciliation met another write');
      return 'Conflict';
    }
    log.error({ err: error }, 'reconciliation failed');
    return 'Failed';
  }
}
