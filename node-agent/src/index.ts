export { escapePath, pathHex } from './engine/escape-path.ts';
export type { FailureGroup } from './engine/failure-summary.ts';
export { type LocalEnds, locateLocalEnds } from './engine/local-paths.ts';
export {
  ControlBlock,
  type Counters,
  type Failure,
  type FailureReason,
  NativeIoError,
  RefusedError,
  runTransfer,
  type Transfer,
  type TransferReport,
  type TransferWatch,
} from './engine/run-transfer.ts';
export { nameTemporaries } from './engine/temporaries.ts';
export { InputError, SmartcopyError } from './errors.ts';
export type { CopySettings } from './library/copy-settings.ts';
export { CopyError, type CopyPath, copy, Engine } from './library/engine.ts';
export type { CopyProgress, RunningCopy } from './library/running-copy.ts';
