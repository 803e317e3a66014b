import { z } from 'zod';
import { reason } from './kinds/condition.ts';
import { relativePath } from './kinds/endpoint.ts';
import { hostPath } from './kinds/host-path.ts';
import { dnsLabel, dnsSubdomain } from './kinds/names.ts';
import { agentCapabilities, agentRoots } from './kinds/node-agent.ts';
import { atomic, maxPatternLength, maxPatterns, onConflict, ordering, symlinks } from './kinds/selection.ts';
import { digestAlgorithm, directIo, durability, ioMode, numaMode, preserve, updateMode, verifyLevel } from './kinds/transfer-job.ts';
import { engineUsed, maxFailureKinds, transferFailure, transferProgress } from './kinds/transfer-job-status.ts';
import { shardName, shardOutcome } from './kinds/transfer-shard.ts';

// The one exchange between an agent and the operator: POST {syncPath}, over TLS, with the agent's token as bearer.
// Level-triggered both ways: each side says all that it has to say, so a lost or repeated exchange changes nothing.
// Unknown members are dropped: either side may be newer than the other.

export const syncPath = '/agents/v1/sync';
/** What the agent's projected token must be made for. */
export const agentTokenAudience = 'smartcopy.io/agents';
/** The operator's name in its certificate: agents check it whatever address they dial. */
export const operatorTlsName = 'smartcopy-operator.smartcopy.io';
/** A request holds everything an agent knows: 256 assignments with ten failures and ten losses of 700 bytes each fit. */
export const maxSyncBytes = 4 * 1024 * 1024;
/** Shards that an agent may hold at once. */
export const maxAssignments = 256;

/** Ten years: no copy takes longer, and every time that is told from it can be written as a date. */
const maxAgoMs = 10 * 365 * 86_400_000;

const bytesPerSecond = z.int().min(0).nullable();

/** The bandwidth an assignment may use now. */
const allowance = z.object({
  assignment: shardName,
  /** Null: no limit. */
  bytesPerSecond,
  /**
   * Counted from when the agent sent the request that this answers. When it has run out, work under a limit stops until
   * there is another; work without one goes on.
   */
  validForMs: z.int().min(0),
});
export type Allowance = z.infer<typeof allowance>;

/** One end of an assignment: the policy's words for the root, so that the agent can compare them with its own. */
const assignedEnd = z.object({
  alias: dnsLabel,
  hostPath,
  /** Below hostPath, the placeholder replaced; the job never sees what lies above. */
  subPath: relativePath,
  /** Below subPath, as the job says. */
  path: relativePath,
  crossMounts: z.boolean(),
  /** What may be planted at a destination; without meaning at a source. Absent, as from an older operator, means no. */
  keepSetuid: z.boolean().optional(),
  keepDevices: z.boolean().optional(),
  keepSecurityXattrs: z.boolean().optional(),
});
export type AssignedEnd = z.infer<typeof assignedEnd>;

const patterns = z.array(z.string().min(1).max(maxPatternLength)).max(maxPatterns).optional();

/** As the job has it, sizes in bytes. */
const selectionRules = z.object({
  include: patterns,
  exclude: patterns,
  minSize: z.int().min(0).optional(),
  maxSize: z.int().min(0).optional(),
});

/** Everything an agent needs to carry a shard out; a change of it begins the work anew. */
const assignmentSpec = z.object({
  job: z.object({ namespace: dnsLabel, name: dnsSubdomain, uid: z.string().min(8).max(64) }),
  index: z.int().min(0),
  source: assignedEnd,
  destination: assignedEnd,
  update: updateMode,
  /** Absent, as in what an older operator sends: everything, and what the job's schema has as defaults. */
  selection: selectionRules.optional(),
  ordering: ordering.optional(),
  symlinks: symlinks.optional(),
  onConflict: onConflict.optional(),
  atomic: atomic.optional(),
  verify: z.object({ algorithm: digestAlgorithm, level: verifyLevel }).optional(),
  durability,
  /** Absent: everything. */
  preserve: preserve.optional(),
  /** Absent means Auto, of these two. */
  io: ioMode.optional(),
  directIo: directIo.optional(),
  threadCount: z.int().min(1).max(256).optional(),
  bufferBytes: z
    .int()
    .min(4096)
    .max(1024 ** 3)
    .optional(),
  /** Absent: Auto. */
  numa: numaMode.optional(),
});
export type AssignmentSpec = z.infer<typeof assignmentSpec>;

/** A shard as the agent sees it. */
export const assignment = z.object({
  id: shardName,
  epoch: z.int().min(1),
  /**
   * How long the agent may work on it without another answer, counted on CLOCK_BOOTTIME from when it sent the request that
   * this answers. Then it stops at a chunk's edge: somebody else may be given the shard.
   */
  leaseMs: z.int().min(1),
  spec: assignmentSpec,
});
export type Assignment = z.infer<typeof assignment>;

/** What an agent says about an assignment that it holds. */
export const assignmentReport = z.object({
  assignment: shardName,
  epoch: z.int().min(1),
  /**
   * Waiting: not begun, for the reason in `waiting`. Running. Stopping: withdrawn or its lease has passed, threads are still at work.
   * Stopped: nothing works on it, and it may be continued. Succeeded and Failed: it has ended, see `outcome`; said until it is withdrawn.
   */
  state: z.enum(['Waiting', 'Running', 'Stopping', 'Stopped', 'Succeeded', 'Failed']),
  waiting: z.object({ reason, message: z.string().max(1024) }).optional(),
  /** Milliseconds since the engine began, and since it moved or found equal the first byte, by the agent's steady clock. */
  startedForMs: z.int().min(0).max(maxAgoMs).optional(),
  firstByteForMs: z.int().min(0).max(maxAgoMs).optional(),
  /** Present once the engine has begun. */
  progress: transferProgress.optional(),
  engineUsed: engineUsed.optional(),
  errors: z.array(transferFailure).max(maxFailureKinds).optional(),
  outcome: shardOutcome.optional(),
  /** What the agent still may use of the last allowance; absent when that has run out. */
  heldAllowance: z.object({ bytesPerSecond, validForMs: z.int().min(0) }).optional(),
});
export type AssignmentReport = z.infer<typeof assignmentReport>;

export const syncRequest = z.object({
  /** The kernel's boot: leases are counted within one. */
  bootId: z.string().min(1).max(64),
  /** This start of the agent process. */
  instanceId: z.string().min(1).max(64),
  version: z.string().min(1).max(64),
  /** The revision of the last answer that the agent has carried out as far as it can; absent before the first. */
  appliedRevision: z.string().max(64).optional(),
  /** How long the operator may hold the request when it has nothing new. */
  waitMs: z.int().min(0).max(60_000),
  capabilities: agentCapabilities,
  roots: agentRoots,
  reports: z.array(assignmentReport).max(maxAssignments),
});
export type SyncRequest = z.infer<typeof syncRequest>;

export const syncResponse = z.object({
  /** Names the set of assignments below, by content: the same set has the same revision, whoever leads. */
  revision: z.string().min(1).max(64),
  /** The full set. What is missing is to be stopped, what differs to be changed. */
  assignments: z.array(assignment).max(maxAssignments),
  allowances: z.array(allowance).max(maxAssignments),
  /** How long the agent waits before it asks again; 0 at once. */
  nextSyncMs: z.int().min(0),
});
export type SyncResponse = z.infer<typeof syncResponse>;

/** The body of every answer that is not 200. */
export const syncRefusal = z.object({
  /**
   * Unauthenticated (401): the token proves no agent pod. Superseded (409): a newer agent pod speaks for the node; stop all work and end.
   * NotReady (503): the operator does not know everything yet, or does not lead; ask again. BadRequest (400): what was sent cannot be understood.
   */
  code: z.enum(['Unauthenticated', 'Superseded', 'NotReady', 'BadRequest']),
  message: z.string().max(1024),
  /** With NotReady from a standby: `host:port` of the leader. */
  leader: z.string().max(253).optional(),
});
export type SyncRefusal = z.infer<typeof syncRefusal>;
