export { bootTimeMs } from './boot-time.ts';
export { ControlBlock, type Counters } from './control-block.ts';
export {
  type Attribute,
  type CopyTreeRequest,
  type CopyTreeResult,
  copyTree,
  type DigestAlgorithm,
  type Durability,
  type Failure,
  type FailureReason,
  type NotKept,
  type Preserve,
  type RootedPath,
  type UpdateMode,
  type VerifyLevel,
} from './copy-tree.ts';
export { NativeError, NativeIoError, RefusedError } from './errors.ts';
export { type IoUringProbe, probeIoUring } from './probe-io-uring.ts';
export { tryLock } from './try-lock.ts';
