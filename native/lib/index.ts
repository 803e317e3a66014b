export { bootTimeMs } from './boot-time.ts';
export {
  type CompareTreesRequest,
  type CompareTreesResult,
  compareTrees,
  type Difference,
  type DifferenceKind,
  type Finding,
} from './compare-trees.ts';
export { ControlBlock, type Counters } from './control-block.ts';
export {
  type Atomic,
  type Attribute,
  type CopyTreeRequest,
  type CopyTreeResult,
  copyTree,
  type DigestAlgorithm,
  type DirectIo,
  type Durability,
  type Failure,
  type FailureReason,
  type IoMode,
  type NotKept,
  type NumaPlacement,
  type OnConflict,
  type Ordering,
  type Preserve,
  preserveEverything,
  type RootedPath,
  type SelectionRules,
  type SparseMode,
  type Symlinks,
  type UpdateMode,
  type VerifyLevel,
} from './copy-tree.ts';
export { digestRate } from './digest-rate.ts';
export { NativeError, NativeIoError, RefusedError } from './errors.ts';
export { checkGlob, globMatches } from './glob.ts';
export { type IoUringProbe, probeIoUring } from './probe-io-uring.ts';
export { readSparseFacts, type SparseFacts } from './sparse-facts.ts';
export { tryLock } from './try-lock.ts';
export { answersXattr, readXattr } from './xattrs.ts';
