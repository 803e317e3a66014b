import { z } from 'zod';
import { nodeAgentStatus } from './node-agent.ts';
import { time } from './time.ts';
import { transferJobSpec } from './transfer-job.ts';
import { transferJobStatus } from './transfer-job-status.ts';
import { transferPolicySpec, transferPolicyStatus } from './transfer-policy.ts';
import { transferShardSpec, transferShardStatus } from './transfer-shard.ts';

// Objects as the API server gives them: it has filled in metadata, and this build reads only what it needs of them.

const strings = z.record(z.string(), z.string()).default({});

/** metav1.ObjectMeta of a stored object, as far as SmartCopy reads it. */
export const storedMeta = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().default(0),
  creationTimestamp: time,
  deletionTimestamp: time.optional(),
  finalizers: z.array(z.string()).default([]),
  labels: strings,
  annotations: strings,
});
export type StoredMeta = z.infer<typeof storedMeta>;

export const storedTransferJob = z.object({ metadata: storedMeta, spec: transferJobSpec, status: transferJobStatus.optional() });
export type StoredTransferJob = z.infer<typeof storedTransferJob>;

export const storedTransferPolicy = z.object({ metadata: storedMeta, spec: transferPolicySpec, status: transferPolicyStatus.optional() });
export type StoredTransferPolicy = z.infer<typeof storedTransferPolicy>;

export const storedTransferShard = z.object({ metadata: storedMeta, spec: transferShardSpec, status: transferShardStatus.optional() });
export type StoredTransferShard = z.infer<typeof storedTransferShard>;

export const storedNodeAgent = z.object({ metadata: storedMeta, status: nodeAgentStatus.optional() });
export type StoredNodeAgent = z.infer<typeof storedNodeAgent>;
