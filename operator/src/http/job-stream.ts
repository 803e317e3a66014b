import type { JobStatusEvent } from '@smartcopy/crds';
import type { FastifyReply } from 'fastify';
import { type JobEvent, watchJob } from './job-events.ts';

export interface JobStream {
  readonly reply: FastifyReply;
  /** The job as it is now, from memory; `undefined` when there is none of that name. */
  readonly look: () => JobStatusEvent | undefined;
  /** Whether the person may still see it. */
  readonly mayGoOn: () => Promise<boolean>;
}

/** Rights are asked for again as often, so that a stream does not outlive them by more. */
const accessIntervalMs = 60_000;
/** Somebody who does not read for so long is gone, or wants to hold on to what others need. */
const maxStallMs = 30_000;
const stallIntervalMs = 5_000;

/**
 * Sends the events of a job until it is gone, its reader is gone or does not read, the reader's right has ended, or the signal aborts.
 * Whatever the reader does, it returns then: the plugin alone would wait for ever for one who stopped reading and went away.
 */
export async function streamJob({ reply, look, mayGoOn }: JobStream, signal: AbortSignal): Promise<void> {
  const end = new AbortController();
  const abort = (): void => end.abort();
  const events = asMessages(watchJob(look, end.signal));
  const accessTimer = setInterval(async () => {
    if (!(await mayGoOn())) abort();
  }, accessIntervalMs);
  const stallTimer = dropWhenStalled(reply);
  signal.addEventListener('abort', abort, { once: true });
  reply.raw.once('close', abort);
  try {
    if (signal.aborted || reply.raw.destroyed) return;
    await Promise.race([reply.sse.send(events), whenAborted(end.signal)]);
  } finally {
    clearInterval(accessTimer);
    clearInterval(stallTimer);
    signal.removeEventListener('abort', abort);
    abort();
    await events.return(undefined);
  }
}

/** Cuts the connection when what was written has not been taken for too long. */
function dropWhenStalled({ raw }: FastifyReply): NodeJS.Timeout {
  let stalledMs = 0;
  return setInterval(() => {
    stalledMs = raw.writableNeedDrain ? stalledMs + stallIntervalMs : 0;
    if (stalledMs >= maxStallMs) raw.destroy();
  }, stallIntervalMs);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function* asMessages(events: AsyncGenerator<JobEvent>): AsyncGenerator<{ event: string; data: unknown }> {
  for await (const { event, data } of events) yield { event, data };
}
