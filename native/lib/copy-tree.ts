import { binding } from './binding.ts';
import type { ControlBlock } from './control-block.ts';
import { toNativeError } from './errors.ts';

/**
 * A place below a directory that is held open for the whole transfer.
 * `path` has no empty, `.` or `..` segment; its every component is opened without following a symbolic link, and nothing
 * below `root` is ever reached by another way. Empty means the root itself.
 */
export interface RootedPath {
  /** Absolute path of the root. Links in it are followed: it is the administrator's or the user's own word. */
  readonly root: Uint8Array;
  readonly path: Uint8Array;
}

export type UpdateMode = 'IfDifferent' | 'Always';
export type DigestAlgorithm = 'XXH3' | 'BLAKE3';
export type VerifyLevel = 'None' | 'Source' | 'Readback';
export type Durability = 'None' | 'Batch' | 'File';
export type IoMode = 'Auto' | 'Posix' | 'IoUring' | 'Mmap';
export type DirectIo = 'Auto' | 'Always' | 'Never';
export type SparseMode = 'Auto' | 'Always' | 'Never';

/** Why an entry was not copied, as status and people see it. */
export type FailureReason =
  | 'DestinationInsideSource'
  | 'IoError'
  | 'MountPoint'
  | 'NameTooLong'
  | 'NoSpace'
  | 'OutOfMemory'
  | 'PathEscape'
  | 'PermissionDenied'
  | 'QuotaExceeded'
  | 'ReadOnlyFileSystem'
  | 'SourceChanged'
  | 'SourceVanished'
  | 'SpecialFile'
  | 'SystemError'
  | 'TooManyOpenFiles'
  | 'TypeConflict'
  | 'VerifyMismatch';

/** One entry that was not copied, or whose metadata could not be kept. */
export interface Failure {
  readonly reason: FailureReason;
  /** The error's name, such as `EIO`; absent when no system call failed (SourceChanged, VerifyMismatch, SpecialFile). */
  readonly errno?: string;
  /** The system call that failed, such as `openat2`. */
  readonly syscall?: string;
  /** Which of the two trees the path is in. */
  readonly side: 'source' | 'destination';
  /** Relative to that side's `path`, any bytes; empty is that directory itself. */
  readonly path: Buffer;
  /** Where in the file, when the call was a read or a write. */
  readonly offsetBytes?: number;
  /** True for an entry that is never copied (a device, socket or FIFO): counted in `entriesRefused`, no failure of the transfer. */
  readonly refused: boolean;
}

export interface CopyTreeRequest {
  /** A directory's contents become the destination's contents; a regular file or symbolic link becomes the destination. */
  readonly source: RootedPath;
  /** Missing directories on the way to it, and it itself, are created. */
  readonly destination: RootedPath;
  /** Engine threads, 1 to 256. */
  readonly threadCount: number;
  /** Bytes that one read or write of a large file moves: 4 KiB to 1 GiB. */
  readonly bufferBytes: number;
  /** IfDifferent leaves a file alone whose size and modification time (to the nanosecond) equal the source's. */
  readonly update: UpdateMode;
  /** Computed in order while copying. Needed when `verify` is not None, and by `digestsFd`. */
  readonly digest?: DigestAlgorithm;
  readonly verify: VerifyLevel;
  readonly durability: Durability;
  /** By what calls bytes are moved. Any but Auto moves them, and neither shares blocks nor lets a server copy. */
  readonly io: IoMode;
  /** Whether large files go past the page cache: Auto for cold ones that would not fit into it, where measured to be faster. */
  readonly directIo: DirectIo;
  /** What becomes of holes: Auto keeps them, Always also makes holes of zeros, Never writes zeros. */
  readonly sparse: SparseMode;
  /** What the transfer may hope for of the page cache; a larger cold file goes past it. */
  readonly pageCacheBytes: number;
  /** For the buffers of all rings of io_uring together; threads that find none left read and write. */
  readonly ringMemoryBytes: number;
  /** Whose temporary files these are: `.smartcopy-<job><epoch>-<n>`, both as 8 hex digits. Older ones of the same job are removed. */
  readonly temporaries: { readonly job: number; readonly epoch: number };
  /** Whether mounts below the source or destination are entered. If not, each is a failure of reason MountPoint. */
  readonly crossMounts: boolean;
  /** Walks the source beside the copy, so that totals are final early; for a progress display. */
  readonly scanTotals: boolean;
  /** An open file that receives one line for each copied file, as `sha256sum` writes them. Not closed by the engine. */
  readonly digestsFd?: number;
  /** Receives every failure, in batches, on this thread, before `copyTree` resolves. Must not throw. */
  readonly onFailures: (failures: readonly Failure[]) => void;
}

export interface CopyTreeResult {
  /** Finished: every entry was handled, perhaps with failures. EndedEarly: the transfer itself failed, see the last failure. */
  readonly end: 'Finished' | 'Cancelled' | 'EndedEarly';
  /** Faster ways that were tried and not offered by the file systems, each with how often. */
  readonly fallbacks: readonly { readonly from: string; readonly to: string; readonly errno: string; readonly count: number }[];
  /** Entries whose owner or group could not be kept for want of privilege; their setuid and setgid bits were dropped. */
  readonly ownersNotKept: number;
  /** Entries whose mode the file system refused to keep. */
  readonly modesNotKept: number;
  readonly temporariesRemoved: number;
  /** Set when the digest list could not be written to its end; the copy itself went on. */
  readonly digestsError?: { readonly errno: string; readonly syscall: string };
}

/**
 * Copies the tree (or file) at `source` to `destination`, on the engine's own threads.
 * @param control shared words: cancel, bytes per second, counters; polled by the engine at every buffer
 * @returns how it ended; resolves also when entries failed
 * @throws RefusedError when source and destination are the same file or the destination lies inside the source
 * @throws NativeIoError when nothing could be started (a root cannot be opened, the kernel lacks openat2)
 */
export async function copyTree(request: CopyTreeRequest, control: ControlBlock): Promise<CopyTreeResult> {
  try {
    return await binding.copyTree(request, control.words);
  } catch (error) {
    throw toNativeError(error);
  }
}
