import { binding } from './binding.ts';
import type { ControlBlock } from './control-block.ts';
import { type DigestAlgorithm, type Failure, type RootedPath, requireDigest } from './copy-tree.ts';
import { toNativeError } from './errors.ts';

/**
 * How an entry differs: the destination lacks it (`missing`, with whatever may be in it), the source lacks it (`extra`), it is of
 * another type or device number, or differs in size, content, mode, owner, modification time, an extended attribute, or as a
 * link (the target of a symbolic one, or which names are one file). Content is not read where the sizes differ.
 */
export type DifferenceKind = 'missing' | 'extra' | 'type' | 'size' | 'content' | 'mode' | 'owner' | 'time' | 'xattr' | 'link';

export interface Difference {
  readonly kind: DifferenceKind;
  /** Relative to both trees, any bytes; empty is the two directories or files themselves. */
  readonly path: Buffer;
  /** What each side has, any bytes; empty where it has nothing. Of an attribute's value the first bytes. */
  readonly source: Buffer;
  readonly destination: Buffer;
  /** The name of the extended attribute that differs. */
  readonly attribute?: Buffer;
}

/** A difference, or an entry that could not be compared. */
export type Finding = Difference | Failure;

export interface CompareTreesRequest {
  readonly source: RootedPath;
  readonly destination: RootedPath;
  /** Engine threads, 1 to 256. */
  readonly threadCount: number;
  /** Bytes that one read moves: 4 KiB to 1 GiB. */
  readonly bufferBytes: number;
  /** By which the content of two files of equal size is compared. */
  readonly digest: DigestAlgorithm;
  /** Neither looked at nor reported. */
  readonly ignore: readonly DifferenceKind[];
  /** Whether mounts below the source or destination are entered. If not, each is a failure of reason MountPoint. */
  readonly crossMounts: boolean;
  /** An open file that receives one line for each file of the source that was read. Not closed by the engine. */
  readonly digestsFd?: number;
  /** Receives everything that is found, in batches, on this thread, before `compareTrees` resolves. Must not throw. */
  readonly onFindings: (findings: readonly Finding[]) => void;
}

export interface CompareTreesResult {
  readonly cancelled: boolean;
  readonly differences: Readonly<Record<DifferenceKind, number>>;
  /** Set when the digest list could not be written to its end; the comparison itself went on. */
  readonly digestsError?: { readonly errno: string; readonly syscall: string };
}

/**
 * Compares two trees (or two files) on the engine's own threads, and changes neither.
 * Of the control block, `filesTotal` counts names on both sides that are no directories, `filesDone` the files whose content was
 * read, `bytesVerified` the bytes read on both sides, `filesFailed` what could not be compared.
 * @throws RefusedError when both are the same; NativeIoError when one cannot be opened; NativeError without the digest
 */
export async function compareTrees(request: CompareTreesRequest, control: ControlBlock): Promise<CompareTreesResult> {
  requireDigest(request.digest);
  try {
    return await binding.compareTrees(request, control.words);
  } catch (error) {
    throw toNativeError(error);
  }
}
