export { bootTimeMs } from './boot-time.ts';
export { ControlBlock, type Counters } from './control-block.ts';
export {
  type Atomic,
  type CopyTreeRequest,
  type CopyTreeResult,
  copyTree,
  type DigestAlgorithm,
  type Durability,
  type Failure,
  type FailureReason,
  type OnConflict,
  type Ordering,
  type RootedPath,
  type SelectionRules,
  type Symlinks,
  type UpdateMode,
  type VerifyLevel,
} from './copy-tree.ts';
export { NativeError, NativeIoError, RefusedError } from './errors.ts';
export { checkGlob, globMatches } from './glob.ts';
export { type IoUringProbe, probeIoUring } from './probe-io-uring.ts';
export { tryLock } from './try-lock.ts';
