import { createRequire } from 'node:module';
import type { CompareTreesRequest, CompareTreesResult } from './compare-trees.ts';
import type { CopyTreeRequest, CopyTreeResult, DigestAlgorithm } from './copy-tree.ts';
import type { IoUringProbe } from './probe-io-uring.ts';
import type { SparseFacts } from './sparse-facts.ts';

/** The addon's own functions, as C++ exports them. Everything outside this folder goes through the typed functions beside this file. */
interface Binding {
  /** The names of the control block's words, in their order: C++ is the one place that declares them. */
  readonly controlWords: readonly string[];
  copyTree(request: CopyTreeRequest, words: BigInt64Array): Promise<CopyTreeResult>;
  compareTrees(request: CompareTreesRequest, words: BigInt64Array): Promise<CompareTreesResult>;
  /** Whether this process can compute it. */
  offersDigest(algorithm: DigestAlgorithm): boolean;
  probeIoUring(): IoUringProbe;
  /** The error's name; undefined when the lock was taken. */
  lockFile(fd: number): string | undefined;
  /** The facts, or the error's name. */
  sparseFacts(fd: number): SparseFacts | string;
  bootTimeMs(): number;
  digestRate(algorithm: string, milliseconds: number): number;
  readXattr(path: Uint8Array, name: Uint8Array): Buffer;
  /** What is wrong with the pattern; undefined when nothing is. */
  checkGlob(pattern: Uint8Array): string | undefined;
  globMatches(pattern: Uint8Array, path: Uint8Array, isDirectory: boolean): boolean;
}

// The launcher and `npm run build` put the addon here; it is keyed by content in the cache and copied into the clone.
const addonPath = '../build/smartcopy.node';

export const binding: Binding = createRequire(import.meta.url)(addonPath);
