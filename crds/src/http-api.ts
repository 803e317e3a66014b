import { z } from 'zod';
import { transferJobStatus } from './kinds/transfer-job-status.ts';

// What the operator serves to people, over TLS, with a bearer token that the API server accepts.

/**
 * Server-sent events of one job, for whoever may `get` it: `status` at once and with every change, at most once a second;
 * `deleted` when the job is gone, which ends the stream.
 */
export const jobEventsPath = '/api/namespaces/:namespace/jobs/:name/events';

const jobIdentity = { namespace: z.string(), name: z.string(), uid: z.string() };

export const jobStatusEvent = z.object({ ...jobIdentity, status: transferJobStatus });
export type JobStatusEvent = z.infer<typeof jobStatusEvent>;

export const jobDeletedEvent = z.object(jobIdentity);
export type JobDeletedEvent = z.infer<typeof jobDeletedEvent>;

/** The body of every answer that is not a stream. */
export const apiError = z.object({
  code: z.enum(['Unauthenticated', 'Forbidden', 'NotFound', 'TooManyRequests', 'NotReady', 'InternalError']),
  message: z.string(),
});
export type ApiError = z.infer<typeof apiError>;
