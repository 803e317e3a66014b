export {
  type Allowance,
  type AssignedEnd,
  type Assignment,
  type AssignmentReport,
  type AssignmentSpec,
  agentTokenAudience,
  assignment,
  assignmentReport,
  maxAssignments,
  maxSyncBytes,
  operatorTlsName,
  type SyncRefusal,
  type SyncRequest,
  type SyncResponse,
  syncPath,
  syncRefusal,
  syncRequest,
  syncResponse,
} from './agent-sync.ts';
export { CrdsError, InvalidObjectError } from './errors.ts';
export {
  type ApiError,
  apiError,
  type JobDeletedEvent,
  type JobStatusEvent,
  jobDeletedEvent,
  jobEventsPath,
  jobStatusEvent,
} from './http-api.ts';
export type { Endpoint, NodePath } from './kinds/endpoint.ts';
export { apiVersion, group, type KindDefinition, version } from './kinds/kind-definition.ts';
export { type LabelSelector, selects } from './kinds/label-selector.ts';
export {
  type AgentCapabilities,
  type AgentRoot,
  describeAliases,
  maxAgentRoots,
  type NodeAgentStatus,
  nodeAgentKind,
  nodeAgentStatus,
} from './kinds/node-agent.ts';
export { parseTransferJob } from './kinds/parse-transfer-job.ts';
export { quantityToBytes } from './kinds/quantity.ts';
export type { Atomic, OnConflict, Ordering, Selection, Symlinks } from './kinds/selection.ts';
export {
  type StoredMeta,
  type StoredNodeAgent,
  type StoredTransferJob,
  type StoredTransferPolicy,
  type StoredTransferShard,
  storedMeta,
  storedNodeAgent,
  storedTransferJob,
  storedTransferPolicy,
  storedTransferShard,
} from './kinds/stored-object.ts';
export {
  type DigestAlgorithm,
  type Durability,
  digestAlgorithm,
  type Preserve,
  type TransferJob,
  type TransferJobSpec,
  transferJob,
  transferJobKind,
  transferJobSpec,
  type UpdateMode,
  type Verify,
  type VerifyLevel,
} from './kinds/transfer-job.ts';
export {
  type EngineUsed,
  type NotKept,
  type TransferFailure,
  type TransferJobCondition,
  type TransferJobPhase,
  type TransferJobStatus,
  type TransferProgress,
  transferJobStatus,
} from './kinds/transfer-job-status.ts';
export {
  namespacePlaceholder,
  type PolicyRoot,
  type RootAccess,
  type TransferPolicySpec,
  type TransferPolicyStatus,
  transferPolicyKind,
  transferPolicySpec,
} from './kinds/transfer-policy.ts';
export {
  type ShardOutcome,
  type TransferShardSpec,
  type TransferShardStatus,
  transferShardKind,
} from './kinds/transfer-shard.ts';
