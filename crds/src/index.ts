export { CrdsError, InvalidObjectError } from './errors.ts';
export type { Endpoint, NodePath } from './kinds/endpoint.ts';
export { parseTransferJob } from './kinds/parse-transfer-job.ts';
export { quantityToBytes } from './kinds/quantity.ts';
export {
  type DigestAlgorithm,
  type Durability,
  type TransferJob,
  type TransferJobSpec,
  transferJob,
  transferJobSpec,
  type UpdateMode,
  type Verify,
  type VerifyLevel,
} from './kinds/transfer-job.ts';
export {
  type EngineUsed,
  type TransferFailure,
  type TransferJobCondition,
  type TransferJobPhase,
  type TransferJobStatus,
  type TransferProgress,
  transferJobStatus,
} from './kinds/transfer-job-status.ts';
