import {
  cp,
  cpEachSynced,
  cpReflink,
  cpThenSync,
  cpz,
  digester,
  fpsync,
  nodeCopy,
  pairOfDigesters,
  parallelRsync,
  rclone,
  rsync,
  rsyncEachSynced,
  rsyncKeepingAll,
  rsyncThenSync,
  rsyncWhole,
  smartcopy,
  smartcopyVerify,
  type Tool,
  xcp,
} from './peers.ts';
import type { PlaceKind } from './places.ts';
import { deepTree, type Group, scaleGroups, sparseTree, type Tree, treeOf } from './trees.ts';

/** One line of what is to be reached: a way of ours, on a tree, in a place, against peers and limits. */
export interface Cell {
  readonly name: string;
  /** At its full size with scale 1. */
  readonly tree: (scale: number) => Tree;
  readonly place: PlaceKind;
  /** What is there before each run: nothing, a copy, or a copy from before a hundredth of the source was changed. */
  readonly destination: 'new' | 'copied' | 'outdated';
  /** Whether the source's content is in memory before each run. */
  readonly cache: 'warm' | 'cold';
  readonly ours: Tool;
  readonly against: readonly Against[];
  /** Peers that cannot do it, which is tried too. */
  readonly unable: readonly Tool[];
  readonly limits: Limits;
}

export interface Against {
  readonly peer: Tool;
  /** The gate: the peer's time is at least so many times ours. */
  readonly atLeast?: number;
  /** What would be better still. */
  readonly aim?: number;
  /** `engine` leaves out our start (the launcher and Node), which is longer than the whole work of the peer. */
  readonly ourTime?: 'engine';
}

/** What is compared with no peer. */
interface Limits {
  /** Of the rate at which two threads copy memory, at least. */
  readonly memoryCopyShare?: number;
  /** Of the whole process, at its highest, below. */
  readonly peakMemoryBytes?: number;
  /** What the copy occupies, as a multiple of what the source does, at most. */
  readonly allocatedShare?: number;
}

const KB = 1000;
const MB = 1000 * KB;
const GB = 1000 * MB;
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** As in the original's own comparison. */
const mixed = groups('mixed 1.6 GB', [
  { folder: 'small', fileCount: 1000, fileBytes: KB },
  { folder: 'medium', fileCount: 100, fileBytes: MB },
  { folder: 'large', fileCount: 10, fileBytes: 50 * MB },
  { folder: 'huge', fileCount: 1, fileBytes: GB },
]);
const oneGiB = groups('1 GiB in one file', [{ folder: '.', fileCount: 1, fileBytes: GiB }]);
const threeGiB = groups('3 GiB in one file', [{ folder: '.', fileCount: 1, fileBytes: 3 * GiB }]);
const smallFiles = groups(
  '100,000 x 4 KiB in 100 directories',
  Array.from({ length: 100 }, (_, index) => ({ folder: `d${index}`, fileCount: 1000, fileBytes: 4 * KiB })),
);
const flat = groups('100,000 x 4 KiB in one directory', [{ folder: 'flat', fileCount: 100_000, fileBytes: 4 * KiB }]);
const shared = groups('10,000 x 100 KiB', [{ folder: 'flat', fileCount: 10_000, fileBytes: 100 * KiB }]);
const empty = groups('1,000,000 empty files in one directory', [{ folder: 'flat', fileCount: 1_000_000, fileBytes: 0 }]);

const deep: Cell['tree'] = (scale) =>
  deepTree('directories 100 deep, 50 times', { chainCount: 50, levelCount: Math.max(2, Math.round(100 * scale)) });
/** The path of the deepest file is longer than any path may be, at every scale. */
const deepest: Cell['tree'] = (scale) =>
  deepTree('directories 10,000 deep', { chainCount: 1, levelCount: Math.max(20, Math.round(10_000 * scale)), pathBytes: 5000 });
const sparse: Cell['tree'] = (scale) => sparseTree('1 TiB with 64 MiB of data', { bytes: 1024 * GiB * scale, extentCount: 64 });

function groups(name: string, all: readonly Group[]): Cell['tree'] {
  return (scale) => treeOf(name, scaleGroups(all, scale));
}

/** The method's defaults, for cells that say nothing else. */
const usual = { destination: 'new', cache: 'warm', ours: smartcopy(), against: [], unable: [], limits: {} } as const;

const unverified: Against = { peer: smartcopy() };
const maxMemory: Limits = { peakMemoryBytes: 200 * MB };

/** The local part of what is to be reached. Times are of whole commands, with their start. */
export const cells: readonly Cell[] = [
  {
    ...usual,
    name: 'mixed, ext4',
    tree: mixed,
    place: 'fresh ext4',
    against: [
      { peer: rsync, atLeast: 5.6, aim: 8 },
      { peer: cp, atLeast: 2 },
      { peer: cpz, atLeast: 2 },
      { peer: xcp, atLeast: 2 },
      { peer: rsyncWhole },
      { peer: parallelRsync },
      { peer: fpsync },
      { peer: rclone },
    ],
  },
  {
    ...usual,
    name: 'mixed, tmpfs',
    tree: mixed,
    place: 'tmpfs',
    against: [
      { peer: rsync, atLeast: 5, aim: 8 },
      { peer: cp, atLeast: 1.5 },
      { peer: rclone, atLeast: 4 },
      { peer: cpz, atLeast: 0.95, aim: 1.1 },
      { peer: xcp },
    ],
  },
  {
    ...usual,
    name: 'mixed, ext4, read back',
    tree: mixed,
    place: 'fresh ext4',
    ours: smartcopy('--verify', 'xxhash3', '--verify-level', 'readback'),
    against: [
      { peer: rsync, atLeast: 4.2 },
      { ...unverified, atLeast: 1 / 1.6 },
    ],
  },
  {
    ...usual,
    name: 'mixed, ext4, digest of the source',
    tree: mixed,
    place: 'fresh ext4',
    ours: smartcopy('--verify', 'xxhash3', '--verify-level', 'source'),
    against: [{ ...unverified, atLeast: 1 / 1.15, aim: 1 / 1.05 }],
  },
  {
    ...usual,
    name: '1 GiB, ext4',
    tree: oneGiB,
    place: 'ext4',
    against: [
      { peer: rsyncWhole, atLeast: 7 },
      { peer: cp, atLeast: 1.6 },
    ],
    limits: { memoryCopyShare: 0.45 },
  },
  {
    ...usual,
    name: '1 GiB, tmpfs',
    tree: oneGiB,
    place: 'tmpfs',
    against: [
      { peer: rsync, atLeast: 3 },
      { peer: cp, atLeast: 0.95, aim: 1.1 },
    ],
  },
  {
    ...usual,
    name: '1 GiB, tmpfs huge=always',
    tree: oneGiB,
    place: 'tmpfs huge=always',
    against: [{ peer: rsync }, { peer: cp }],
    limits: { memoryCopyShare: 0.8 },
  },
  {
    ...usual,
    name: '1 GiB, ext4, cold, synced',
    tree: oneGiB,
    place: 'ext4',
    cache: 'cold',
    ours: smartcopy('--durability', 'file'),
    against: [
      { peer: cpEachSynced, atLeast: 1 },
      { peer: rsyncEachSynced, atLeast: 1.5 },
    ],
  },
  {
    ...usual,
    name: 'reflink 1 GiB, XFS',
    tree: oneGiB,
    place: 'fresh xfs',
    against: [{ peer: cpReflink, atLeast: 1 / 1.5, ourTime: 'engine' }],
  },
  {
    ...usual,
    name: 'reflink 1 GiB, btrfs',
    tree: oneGiB,
    place: 'fresh btrfs',
    against: [{ peer: cpReflink, atLeast: 1 / 1.5, ourTime: 'engine' }],
  },
  {
    ...usual,
    name: 'reflink 10,000 files, XFS',
    tree: shared,
    place: 'fresh xfs',
    against: [{ peer: cpReflink, atLeast: 1 / 1.5 }],
  },
  {
    ...usual,
    name: 'small files, tmpfs',
    tree: smallFiles,
    place: 'tmpfs',
    against: [
      { peer: rsync, atLeast: 5 },
      { peer: cp, atLeast: 3 },
      { peer: rsyncKeepingAll },
      { peer: rclone, atLeast: 10 },
      { peer: nodeCopy, atLeast: 30 },
      { peer: cpz, atLeast: 0.9, aim: 1 },
      { peer: xcp, atLeast: 1.5 },
    ],
  },
  {
    ...usual,
    name: 'small files, fresh ext4',
    tree: smallFiles,
    place: 'fresh ext4',
    against: [
      { peer: rsync, atLeast: 2.2, aim: 3 },
      { peer: cp, atLeast: 1.6, aim: 2 },
    ],
  },
  {
    ...usual,
    name: 'small files, fresh XFS',
    tree: smallFiles,
    place: 'fresh xfs',
    against: [
      { peer: rsync, atLeast: 2.2, aim: 3 },
      { peer: cp, atLeast: 1.6, aim: 2 },
    ],
  },
  {
    ...usual,
    name: 'one flat directory, tmpfs',
    tree: flat,
    place: 'tmpfs',
    against: [{ peer: rsync, atLeast: 2 }, { peer: cp }, { peer: cpz }],
    limits: maxMemory,
  },
  {
    ...usual,
    name: 'a million empty files, tmpfs',
    tree: empty,
    place: 'tmpfs',
    against: [{ peer: rsync, atLeast: 2 }],
    limits: maxMemory,
  },
  {
    ...usual,
    name: 'deep, tmpfs',
    tree: deep,
    place: 'tmpfs',
    against: [{ peer: rsync, atLeast: 2 }, { peer: cp }],
    limits: maxMemory,
  },
  {
    ...usual,
    name: 'deeper than a path, tmpfs',
    tree: deepest,
    place: 'tmpfs',
    unable: [rsync, cp, cpz, xcp],
    limits: maxMemory,
  },
  {
    ...usual,
    name: 'nothing changed, tmpfs',
    tree: smallFiles,
    place: 'tmpfs',
    destination: 'copied',
    ours: smartcopy('--incremental'),
    against: [{ peer: rsync, atLeast: 2, aim: 3 }, { peer: rclone, atLeast: 4 }, { peer: rsyncKeepingAll }],
  },
  {
    ...usual,
    name: '1 % changed, tmpfs',
    tree: smallFiles,
    place: 'tmpfs',
    destination: 'outdated',
    ours: smartcopy('--incremental'),
    against: [{ peer: rsync, atLeast: 2, aim: 3 }, { peer: rclone, atLeast: 4 }, { peer: rsyncKeepingAll }],
  },
  {
    ...usual,
    name: 'sparse 1 TiB, fresh ext4',
    tree: sparse,
    // Of its own: whoever writes the holes too must find no TiB.
    place: 'fresh ext4',
    against: [{ peer: cp, atLeast: 1 / 1.2 }],
    limits: { allocatedShare: 1.01 },
  },
  ...(
    [
      ['xxhash3', pairOfDigesters('xxhsum -H2')],
      ['blake3', digester('b3sum --num-threads 2')],
      ['sha256', pairOfDigesters('openssl dgst -sha256')],
    ] as const
  ).map(([algorithm, peer]) => ({
    ...usual,
    name: `digests of 2 x 3 GiB, ${algorithm}`,
    tree: threeGiB,
    place: 'tmpfs' as const,
    destination: 'copied' as const,
    ours: smartcopyVerify(algorithm),
    against: [{ peer, atLeast: 1 }],
  })),
  {
    ...usual,
    name: 'mixed, ext4, durable',
    tree: mixed,
    place: 'ext4',
    ours: smartcopy('--durability', 'batch'),
    against: [
      { peer: rsyncThenSync, atLeast: 1.3 },
      { peer: cpThenSync, atLeast: 1 },
    ],
  },
];
