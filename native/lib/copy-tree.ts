import { binding } from './binding.ts';
import type { ControlBlock } from './control-block.ts';
import { NativeError, toNativeError } from './errors.ts';

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
/** Equal to what `xxhsum -H2`, `xxhsum -H1`, `b3sum` and `sha256sum` print. */
export type DigestAlgorithm = 'XXH3' | 'XXH64' | 'BLAKE3' | 'SHA256';
export type VerifyLevel = 'None' | 'Source' | 'Readback' | 'Media';
export type Durability = 'None' | 'Batch' | 'File';
export type IoMode = 'Auto' | 'Posix' | 'IoUring' | 'Mmap';
export type DirectIo = 'Auto' | 'Always' | 'Never';
export type SparseMode = 'Auto' | 'Always' | 'Never';

export type Ordering = 'Auto' | 'SmallestFirst' | 'LargestFirst' | 'Path';
export type Symlinks = 'Preserve' | 'Skip' | 'FollowWithinRoot';
export type OnConflict = 'Overwrite' | 'Skip' | 'Fail';
export type Atomic = 'Replace' | 'Always';

/** Which entries are copied. What is excluded is not, whatever includes it. */
export interface SelectionRules {
  /** Patterns (see docs/selection.md). With any, only files that one of them matches are copied, with the directories they need. */
  readonly include: readonly Uint8Array[];
  /** An excluded directory is not walked. */
  readonly exclude: readonly Uint8Array[];
  /** Of regular files, inclusive. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
}

/** Why an entry was not copied, as status and people see it. */
export type FailureReason =
  | 'Conflict'
  | 'DanglingLink'
  | 'DestinationInsideSource'
  | 'DotDotInList'
  | 'IoError'
  | 'LinkLoop'
  | 'LinkToDirectory'
  | 'MediaNotOffered'
  | 'MetadataNotKept'
  | 'MountPoint'
  | 'NameTooLong'
  | 'NoSpace'
  | 'NotInSource'
  | 'NulInList'
  | 'OutOfMemory'
  | 'PathEscape'
  | 'PermissionDenied'
  | 'QuotaExceeded'
  | 'ReadOnlyFileSystem'
  | 'SourceChanged'
  | 'SourceVanished'
  | 'SpecialFile'
  | 'SystemError'
  | 'TooManyLinks'
  | 'TooManyOpenFiles'
  | 'TypeConflict'
  | 'VerifyMismatch';

/** One entry that was not copied, or whose metadata could not be kept. */
export interface Failure {
  readonly reason: FailureReason;
  /** The error's name, such as `EIO`; absent when no system call failed (SourceChanged, VerifyMismatch, SpecialFile, at times MetadataNotKept). */
  readonly errno?: string;
  /** The system call that failed, such as `openat2`. */
  readonly syscall?: string;
  /** Which of the two trees the path is in. */
  readonly side: 'source' | 'destination';
  /** Relative to that side's `path`, any bytes; empty is that directory itself. */
  readonly path: Buffer;
  /** Where in the file, when the call was a read or a write. */
  readonly offsetBytes?: number;
  /** True for a device, socket or FIFO that was left out: counted in `entriesRefused`, no failure of the transfer. */
  readonly refused: boolean;
}

/** Where the engine's threads and buffers are on a machine of several memory nodes. */
export interface NumaPlacement {
  /** The CPUs of each thread: thread `n` has the set `n` modulo the number of sets. */
  readonly workerCpus: readonly (readonly number[])[];
  /** The node that buffers should be on; a preference. */
  readonly memoryNode?: number;
}

/** What is kept of an entry beside its content. */
export interface Preserve {
  readonly owner: boolean;
  /** If not, a new entry gets the source's permissions less the umask, and one that replaces a file gets that file's. */
  readonly mode: boolean;
  /** If not, a file has the time at which it was copied, and is copied again by every later transfer. */
  readonly times: boolean;
  /** Extended attributes: user.*, trusted.*, security.*. */
  readonly xattrs: boolean;
  /** POSIX ACLs, NFSv4 ACLs, and the security descriptors of Windows. */
  readonly acls: boolean;
  readonly hardlinks: boolean;
  /** FIFOs, sockets and devices; if not, each is refused by name. */
  readonly specialFiles: boolean;
  /** Whether what cannot be kept is a failure of its entry, of reason MetadataNotKept. */
  readonly strict: boolean;
}

/** Everything that can be; what cannot is told and no failure. */
export const preserveEverything: Preserve = {
  owner: true,
  mode: true,
  times: true,
  xattrs: true,
  acls: true,
  hardlinks: true,
  specialFiles: true,
  strict: false,
};

/** What of an entry a copy was made without. */
export type Attribute = 'owner' | 'mode' | 'setuid' | 'xattr' | 'capability' | 'acl' | 'time' | 'specialFile';

/** One kind of what was not kept. */
export interface NotKept {
  readonly what: Attribute;
  /** The error's name, such as `EPERM`; absent when it was left out by choice, or the file system keeps something else. */
  readonly errno?: string;
  readonly count: number;
  /** The first entry it befell, relative to the destination's `path`. */
  readonly path: Buffer;
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
  /** A large file is copied in ranges of this many bytes, each by whichever thread is free; 16 MiB if absent. */
  readonly rangeBytes?: number;
  /** Gives each thread one contiguous part of a large file instead, a whole number of ranges long: for network file systems. */
  readonly contiguousRanges?: boolean;
  /** How many threads write to one file at the same time; all of them if absent. */
  readonly writersPerFile?: number;
  /** A bound for all buffers together; a transfer that needs more does not start (ENOMEM). None if absent. */
  readonly memoryBytes?: number;
  /** Absent: threads and buffers are wherever the kernel puts them. */
  readonly numa?: NumaPlacement;
  /** IfDifferent leaves a file alone whose size and modification time (to the nanosecond) equal the source's. */
  readonly update: UpdateMode;
  /** Computed while copying. Needed when `verify` is not None, and by `digestsFd`. */
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
  readonly preserve: Preserve;
  /** Whether setuid and setgid bits of files may be set at the destination at all, whatever is to be preserved. */
  readonly keepSetuid: boolean;
  /** The same of devices, FIFOs and sockets. */
  readonly keepDevices: boolean;
  /** The same of the attributes security.* and trusted.*, file capabilities among them. */
  readonly keepSecurityXattrs: boolean;
  /** Absent means everything. */
  readonly selection?: SelectionRules;
  /** A list of paths below the source, one in a line or ended by NUL; only these are copied. Read to its end and not closed. */
  readonly filesFrom?: { readonly fd: number; readonly isNulSeparated: boolean };
  /** Auto when absent, as Preserve, Overwrite and Replace of those that follow. */
  readonly ordering?: Ordering;
  readonly symlinks?: Symlinks;
  /** What becomes of a file whose name another one has at the destination. An equal one is no conflict. */
  readonly onConflict?: OnConflict;
  /** Always: new files are written under a temporary name too. */
  readonly atomic?: Atomic;
  /** Writes nothing at all; `onLines` hears what would be done. */
  readonly dryRun?: boolean;
  /** How often what failed for a reason that may pass is tried again at the end: 0 (also when absent) to 100. */
  readonly retries?: number;
  /** What is mounted below the source is left out and counted, whatever `crossMounts` says. */
  readonly oneFileSystem?: boolean;
  /** Whether mounts below the source or destination are entered. If not, each is a failure of reason MountPoint. */
  readonly crossMounts: boolean;
  /** Walks the source beside the copy, so that totals are final early; for a progress display. */
  readonly scanTotals: boolean;
  /** An open file that receives one line for each copied file, as `sha256sum` writes them. Not closed by the engine. */
  readonly digestsFd?: number;
  /** Receives every failure, in batches, on this thread, before `copyTree` resolves. Must not throw. */
  readonly onFailures: (failures: readonly Failure[]) => void;
  /**
   * Receives a line for each entry, up to a MiB of whole lines at a time: what was done (or would be), the bytes of its content or `-`,
   * its escaped path, separated by tabs. Must not throw.
   */
  readonly onLines?: (lines: Buffer) => void;
}

export interface CopyTreeResult {
  /** Finished: every entry was handled, perhaps with failures. EndedEarly: the transfer itself failed, see the last failure. */
  readonly end: 'Finished' | 'Cancelled' | 'EndedEarly';
  /** Faster ways that were tried and not offered by the file systems, each with how often. */
  readonly fallbacks: readonly { readonly from: string; readonly to: string; readonly errno: string; readonly count: number }[];
  /** What was copied and is not quite the same; at most one of each kind and error. */
  readonly notKept: readonly NotKept[];
  readonly temporariesRemoved: number;
  /** Entries that were tried again after a failure that may pass, each time counted. */
  readonly triedAgain: number;
  /** Content that a dry run would have copied. */
  readonly plannedBytes: number;
  /** Set when the digest list could not be written to its end; the copy itself went on. */
  readonly digestsError?: { readonly errno: string; readonly syscall: string };
}

/**
 * Copies the tree (or file) at `source` to `destination`, on the engine's own threads.
 * @param control shared words: cancel, bytes per second, counters; polled by the engine at every buffer
 * @returns how it ended; resolves also when entries failed
 * @throws RefusedError when source and destination are the same file or the destination lies inside the source
 * @throws NativeError (SC_NATIVE_PATTERN) for a malformed pattern
 * @throws NativeIoError when nothing could be started (a root cannot be opened, the kernel lacks openat2, or the level
 * is Media and the destination keeps files in memory alone); NativeError when this Node cannot compute the digest
 */
export async function copyTree(request: CopyTreeRequest, control: ControlBlock): Promise<CopyTreeResult> {
  if (request.digest !== undefined) requireDigest(request.digest);
  try {
    const whole = { ...unasked, ...request };
    requirePatterns([...whole.selection.include, ...whole.selection.exclude]);
    return await binding.copyTree(whole, control.words);
  } catch (error) {
    throw toNativeError(error);
  }
}

/** @throws NativeError when this process cannot compute the digest: SHA-256 is OpenSSL's, and a Node may lack or forbid it */
export function requireDigest(algorithm: DigestAlgorithm): void {
  if (binding.offersDigest(algorithm)) return;
  throw new NativeError(
    'SC_NATIVE_DIGEST',
    `this Node (${process.version}) has no OpenSSL that computes ${algorithm}; choose another digest`,
  );
}

/** What a request means that does not say more. */
const unasked = {
  selection: { include: [], exclude: [] },
  ordering: 'Auto',
  symlinks: 'Preserve',
  onConflict: 'Overwrite',
  atomic: 'Replace',
  dryRun: false,
  retries: 0,
  oneFileSystem: false,
} as const satisfies Partial<CopyTreeRequest>;

function requirePatterns(patterns: readonly Uint8Array[]): void {
  for (const pattern of patterns) {
    const wrong = binding.checkGlob(pattern);
    if (wrong !== undefined) throw new NativeError('SC_NATIVE_PATTERN', `the pattern '${Buffer.from(pattern).toString()}' ${wrong}`);
  }
}
