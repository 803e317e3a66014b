import type { JobDeletedEvent, JobStatusEvent } from '@smartcopy/crds';
import { pauseUnlessStopped } from '../kube/waiting.ts';

/** What a watching person is told: the two kinds of server-sent events. */
export type JobEvent =
  | { readonly event: 'status'; readonly data: JobStatusEvent }
  | { readonly event: 'deleted'; readonly data: JobDeletedEvent };

/** The pace that http-api.ts promises. */
const intervalMs = 1_000;

/**
 * The events of one job: its status at once and after each change, until it is gone or the signal aborts. A job that was replaced by
 * another of its name is gone.
 * @param look the job as it is now, from memory; `undefined` when there is none of that name
 */
export async function* watchJob(look: () => JobStatusEvent | undefined, signal: AbortSignal): AsyncGenerator<JobEvent> {
  const first = look();
  if (first === undefined) return;
  let told: string | undefined;
  while (!signal.aborted) {
    const seen = look();
    if (seen?.uid !== first.uid) {
      yield { event: 'deleted', data: { namespace: first.namespace, name: first.name, uid: first.uid } };
      return;
    }
    const text = JSON.stringify(seen);
    if (text !== told) yield { event: 'status', data: seen };
    told = text;
    await pauseUnlessStopped(intervalMs, signal);
  }
}
