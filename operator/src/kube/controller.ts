import type { Logger } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { isConflict, KubeUnreachableError } from './api-error.ts';
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

/** While the API server is away every object fails, again and again: that is said once in so long, and otherwise only to those who debug. */
const unreachableSaidEveryMs = 60_000;

/** What the workers of one controller share. */
interface Shared extends ControllerOptions {
  /** When it was said that the API server is away, on the monotonic clock. */
  unreachableSaidAtMs: number;
}

/**
 * Takes keys from the queue and reconciles them, until the signal is aborted and what is under way has ended.
 * A failure is tried again with backoff, a `TerminalError` is not; both are logged here, once. That the API server cannot be reached is
 * not logged for each object.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const shared = { ...options, unreachableSaidAtMs: Number.NEGATIVE_INFINITY };
  const workers = Array.from({ length: options.concurrency }, () => work(shared, signal));
  await Promise.all(workers);
}

async function work(options: Shared, signal: AbortSignal): Promise<void> {
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

async function reconcileOnce(options: Shared, key: ObjectKey, signal: AbortSignal): Promise<void> {
  const { name, hooks, clock = systemClock } = options;
  const log = options.log.child({ controller: name, key: keyText(key) });
  const startMs = clock.monotonicMs();
  const result = await attempt(options, { key, log }, signal);
  hooks?.onReconcile?.({ controller: name, result, durationMs: clock.monotonicMs() - startMs });
}

async function attempt(
  shared: Shared,
  { key, log }: { readonly key: ObjectKey; readonly log: Logger },
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { queue, reconcile, timeoutMs } = shared;
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
    if (isWorthAnError(error, shared)) log.error({ err: error }, 'reconciliation failed');
    else log.debug({ err: error }, 'reconciliation failed');
    return 'Failed';
  }
}

/** Also notes that it is said now. */
function isWorthAnError(error: unknown, shared: Shared): boolean {
  if (!(error instanceof KubeUnreachableError)) return true;
  const nowMs = (shared.clock ?? systemClock).monotonicMs();
  if (nowMs - shared.unreachableSaidAtMs < unreachableSaidEveryMs) return false;
  shared.unreachableSaidAtMs = nowMs;
  return true;
}
