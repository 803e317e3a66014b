import { setTimeout } from 'node:timers/promises';
import type { JobDeletedEvent, JobStatusEvent } from '@smartcopy/crds';

/** What a watching person is told: the two kinds of server-sent events. */
export type JobEvent =
  | { readonly event: 'status'; readonly data: JobStatusEvent }
  | { readonly event: 'deleted'; readonly data: JobDeletedEvent };

/** The pace that http-api.ts promises. */
const intervalMs = 1_000;
/** Rights are asked for again as often, so that a stream does not outlive them by more. */
const accessIntervalMs = 60_000;

export interface JobWatch {
  /** The job as it is now, from memory; `undefined` when there is none of that name. */
  readonly look: () => JobStatusEvent | undefined;
  /** Whether the person may still see it. */
  readonly mayGoOn: () => Promise<boolean>;
}

/**
 * The events of one job: its status at once and after each change, until it is gone, the person's right has ended, or the signal aborts.
 * A job that was replaced by another of its name is gone.
 */
export async function* watchJob({ look, mayGoOn }: JobWatch, signal: AbortSignal): AsyncGenerator<JobEvent> {
  const first = look();
  if (first === undefined) return;
  let told: string | undefined;
  let checkedAtMs = performance.now();
  while (!signal.aborted) {
    const seen = look();
    if (seen?.uid !== first.uid) {
      yield { event: 'deleted', data: { namespace: first.namespace, name: first.name, uid: first.uid } };
      return;
    }
    const text = JSON.stringify(seen);
    if (text !== told) yield { event: 'status', data: seen };
    told = text;
    if (performance.now() - checkedAtMs > accessIntervalMs) {
      if (!(await mayGoOn())) return;
      checkedAtMs = performance.now();
    }
    await pause(signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(intervalMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
