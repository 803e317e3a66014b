export { bootTimeMs } from './boot-time.ts';
export { ControlBlock, type Counters } from './control-block.ts';
export {
  type CopyTreeRequest,
  type CopyTreeResult,
  copyTree,
  type DigestAlgorithm,
  type DirectIo,
  type Durability,
  type Failure,
  type FailureReason,
  type IoMode,
  type RootedPath,
  type SparseMode,
  type UpdateMode,
  type VerifyLevel,
} from './copy-tree.ts';
export { NativeError, NativeIoError, RefusedError } from './errors.ts';
export { type IoUringProbe, probeIoUring } from './probe-io-uring.ts';
export { readSparseFacts, type SparseFacts } from './sparse-facts.ts';
export { tryLock } from './try-lock.ts';
