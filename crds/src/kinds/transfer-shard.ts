import { z } from 'zod';
import { reason } from './condition.ts';
import type { KindDefinition, TransitionRule } from './kind-definition.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';
import { time } from './time.ts';
import { engineUsed, maxFailureKinds, transferFailure, transferProgress } from './transfer-job-status.ts';

/** `<first 8 of the job's UID>-r<run>-<index>` */
export const shardName = z
  .string()
  .regex(/^[0-9a-f]{8}-r[0-9]{1,9}-[0-9]{1,9}$/, { error: 'must be the name of a shard, such as 6f0c3a1e-r1-0' });

const jobRef = z.strictObject({
  namespace: dnsLabel.describe('Namespace of the job.'),
  name: dnsSubdomain.describe('Name of the job.'),
});

/** A day, the longest lease that an operator can be configured with. */
const maxLeaseSeconds = 86_400;

/** The part of a job that one agent carries out: today the whole of it. */
export const transferShardSpec = z.strictObject({
  jobRef: jobRef.describe('The job that this is a part of.'),
  jobUID: z.string().min(8).max(64).describe("The job's metadata.uid: another job of the same name is not meant."),
  run: z.int().min(1).meta({ format: 'int32' }).describe('Which run of the job this belongs to, from 1.'),
  index: z.int().min(0).meta({ format: 'int32' }).describe('Which part of the run this is, from 0.'),
  node: dnsSubdomain.describe('The node whose agent carries it out.'),
  epoch: z
    .int()
    .min(1)
    .meta({ format: 'int32' })
    .describe('Grows with every change of node; what an agent says about another epoch is not heard.'),
  leaseSeconds: z
    .int()
    .min(1)
    .max(maxLeaseSeconds)
    .meta({ format: 'int32' })
    .describe('How long the agent may work on it without hearing from the operator, whichever operator that is.'),
});
export type TransferShardSpec = z.infer<typeof transferShardSpec>;

/** How the work on a shard ended: a word for scripts and a sentence for people. */
export const shardOutcome = z.object({
  reason: reason.describe('Why it ended, as one word: Succeeded, or what went wrong.'),
  message: z.string().max(1024).describe('Why, as a sentence for people.'),
  verified: z
    .object({
      status: z.enum(['True', 'False']).describe('Whether everything that was copied was found equal.'),
      reason: reason.describe('Why, as one word.'),
      message: z.string().max(1024).describe('Why, as a sentence for people.'),
    })
    .optional()
    .describe('What reading the copy back has shown; present when that was asked for.'),
});
export type ShardOutcome = z.infer<typeof shardOutcome>;

export const transferShardStatus = z.object({
  state: z.enum(['Assigned', 'Succeeded', 'Failed']).describe('Whether an agent is to work on it, or how that ended.'),
  outcome: shardOutcome.optional().describe('How it ended.'),
  startTime: time.optional().describe('When an agent began with it.'),
  completionTime: time.optional().describe('When it ended.'),
  progress: transferProgress.optional().describe('The numbers at its end.'),
  engineUsed: engineUsed.optional().describe('Bytes by the method that moved them.'),
  errors: z
    .array(transferFailure)
    .max(maxFailureKinds)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('The first ten kinds of failures.'),
});
export type TransferShardStatus = z.infer<typeof transferShardStatus>;

/**
 * A shard is a part of one run of one job for ever; only where it is carried out may change. Its lease is as fixed: an operator that
 * did not hand it out itself knows only from here how long its agent may go on.
 */
const fixedMembers = ['jobRef', 'jobUID', 'run', 'index', 'leaseSeconds'].map(
  (member): TransitionRule => ({
    fieldPath: `.spec.${member}`,
    cel: `self.spec.${member} == oldSelf.spec.${member}`,
    message: 'cannot change; only node and epoch can',
  }),
);

/** What fences off an agent that lost the shard: it must never hold the epoch of another. */
const growingEpoch: TransitionRule = {
  fieldPath: '.spec.epoch',
  cel: 'self.spec.epoch > oldSelf.spec.epoch || (self.spec.epoch == oldSelf.spec.epoch && self.spec.node == oldSelf.spec.node)',
  message: 'must grow with every change of node, and never shrink',
};

export const transferShardKind: KindDefinition = {
  kind: 'TransferShard',
  plural: 'transfershards',
  singular: 'transfershard',
  shortNames: ['tshard'],
  scope: 'Namespaced',
  description:
    'TransferShard is the part of a TransferJob that one agent carries out. Internal: only SmartCopy writes it, in its own namespace.',
  declaredIn: 'crds/src/kinds/transfer-shard.ts',
  spec: transferShardSpec.describe('Which part of which job, and where it is carried out.'),
  status: transferShardStatus.describe('How it ended.'),
  transitionRules: [...fixedMembers, growingEpoch],
  columns: [
    { name: 'Namespace', type: 'string', jsonPath: '.spec.jobRef.namespace' },
    { name: 'Job', type: 'string', jsonPath: '.spec.jobRef.name' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Reason', type: 'string', jsonPath: '.status.outcome.reason' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};
