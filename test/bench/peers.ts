import { join } from 'node:path';
import process from 'node:process';
import type { Aspect } from '../support/compare-trees.ts';
import type { Command } from './command.ts';
import { wrongDigests, wrongVerification } from './digest-answers.ts';
import type { Tree } from './trees.ts';

/** Where a copy comes from and where it goes: absolute paths of two directories. */
interface Ends {
  readonly source: string;
  readonly destination: string;
}

/** A way to copy, ours or a peer's. */
export interface Tool {
  /** As a person would type it, without the ends. */
  readonly name: string;
  /** The programs that this host must have for it. */
  readonly programs: readonly string[];
  readonly command: (ends: Ends) => Command;
  /** What its copies lack. All else is compared with the source. */
  readonly lacks: readonly Aspect[];
  /** What else they lack, which comparing trees does not show. */
  readonly lacksUnseen: readonly Unseen[];
  /** What is wrong with what it said of a tree, for tools whose work leaves nothing behind that could be compared. */
  readonly wrongAnswer?: (stdout: string, tree: Pick<Tree, 'fileCount' | 'bytes'>) => string | undefined;
}

type Unseen = 'xattrs' | 'durability';
type Lacks = Pick<Tool, 'lacks' | 'lacksUnseen'>;

/** The command line as a user runs it. */
export const launcher = join(import.meta.dirname, '..', '..', 'smartcopy');

/** Ours. It answers with a document, from which the way it took is read. */
export function smartcopy(...options: readonly string[]): Tool {
  return {
    name: ['smartcopy', ...options].join(' '),
    programs: [],
    command: ({ source, destination }) => [launcher, '--quiet', '--json', ...options, source, destination],
    lacks: [],
    lacksUnseen: options.includes('--durability') ? [] : ['durability'],
  };
}

const nothing: Lacks = { lacks: [], lacksUnseen: [] };
const notDurable: Lacks = { lacks: [], lacksUnseen: ['durability'] };
/** `rsync -a` keeps neither hard links (-H) nor extended attributes (-X). */
const asRsync: Lacks = { lacks: ['hard links'], lacksUnseen: ['xattrs', 'durability'] };
export const rsync = tool('rsync -a', asRsync, ({ source, destination }) => ['rsync', '-a', `${source}/`, destination]);
/** It keeps what ours keeps: hard links, ACLs and extended attributes too. */
export const rsyncKeepingAll = tool('rsync -aHAX', notDurable, ({ source, destination }) => ['rsync', '-aHAX', `${source}/`, destination]);
export const rsyncWhole = tool('rsync -aW', asRsync, ({ source, destination }) => ['rsync', '-aW', `${source}/`, destination]);
export const cp = tool('cp -a', notDurable, ({ source, destination }) => ['cp', '-aT', source, destination]);
export const cpReflink = tool('cp -a --reflink=always', notDurable, ({ source, destination }) => [
  'cp',
  '-aT',
  '--reflink=always',
  source,
  destination,
]);

/** It keeps the times of files alone: `--metadata` does not reach the modes and times of directories either. */
export const rclone = tool(
  'rclone copy',
  {
    lacks: ['file modes', 'directory modes', 'file owners', 'directory owners', 'directory times', 'hard links'],
    lacksUnseen: ['xattrs', 'durability'],
  },
  ({ source, destination }) => ['rclone', '--config', '', 'copy', '--transfers', '8', '--create-empty-src-dirs', source, destination],
);
const withoutOwnersAndTimes: Lacks = {
  lacks: ['file owners', 'directory owners', 'file times', 'directory times', 'hard links'],
  lacksUnseen: ['xattrs', 'durability'],
};
export const cpz = tool('cpz', withoutOwnersAndTimes, ({ source, destination }) => ['cpz', source, destination]);
export const xcp = tool(
  'xcp -r',
  { lacks: ['directory modes', 'file owners', 'directory owners', 'directory times', 'hard links'], lacksUnseen: ['durability'] },
  ({ source, destination }) => ['xcp', '-r', '--no-progress', source, destination],
);

/** One rsync for each entry at the top, two at a time. What makes the top itself is no part of the idea, but the copy needs it. */
export const parallelRsync = shell(
  'parallel -j 2 rsync -a',
  { programs: ['parallel', 'rsync', 'find'], ...asRsync },
  'mkdir "$1" && find "$0" -mindepth 1 -maxdepth 1 -print0 | parallel -0 -j 2 rsync -a {} "$1/" && touch -r "$0" "$1"',
);
/** It keeps notes of its runs beside the copy. */
export const fpsync = shell(
  'fpsync -n 2',
  { programs: ['fpsync', 'fpart', 'rsync'], ...asRsync },
  'fpsync -n 2 -f 1000 -t "$1.fpsync" "$0/" "$1/" && rm -r "$1.fpsync"',
);

/** It keeps times to the millisecond, which is not as they are. */
export const nodeCopy = tool("node's fs.cp", withoutOwnersAndTimes, ({ source, destination }) => [
  process.execPath,
  '--eval',
  nodeCopyScript,
  source,
  destination,
]);
const nodeCopyScript =
  "require('node:fs').promises.cp(process.argv[1], process.argv[2], { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })";

const rsyncDurability = { programs: ['rsync', 'sync'], lacks: ['hard links'], lacksUnseen: ['xattrs'] } as const;
export const rsyncThenSync = shell('rsync -a && sync -f', rsyncDurability, 'rsync -a "$0/" "$1" && sync -f "$1"');
/** `--fsync` syncs each file. */
export const rsyncEachSynced = shell('rsync -aW --fsync', rsyncDurability, 'rsync -aW --fsync "$0/" "$1"');
export const cpThenSync = shell('cp -a && sync -f', { programs: ['cp', 'sync'], ...nothing }, 'cp -aT "$0" "$1" && sync -f "$1"');
export const cpEachSynced = shell(
  'cp -a && sync -d each',
  { programs: ['cp', 'find', 'sync'], ...nothing },
  'cp -aT "$0" "$1" && find "$1" -type f -exec sync -d {} +',
);

/** Reads and digests both trees, and compares them: nothing is copied. */
export function smartcopyVerify(algorithm: 'xxhash3' | 'blake3' | 'sha256'): Tool {
  return {
    name: `smartcopy verify --algorithm ${algorithm}`,
    programs: [],
    command: ({ source, destination }) => [launcher, 'verify', '--quiet', '--json', '--algorithm', algorithm, source, destination],
    ...nothing,
    wrongAnswer: wrongVerification,
  };
}

/** A program that digests every file of both trees, one after the other. */
export function digester(name: string): Tool {
  const [program = name] = name.split(' ');
  const line = `find "$0" "$1" -type f -exec ${name} {} +`;
  return { ...shell(name, { programs: [program, 'find'], ...nothing }, line), wrongAnswer: wrongDigests };
}

/** A program with one thread, run twice at a time, as we work with two threads. */
export function pairOfDigesters(name: string): Tool {
  const [program = name] = name.split(' ');
  const line = `find "$0" "$1" -type f -print0 | xargs -0 -n 1 -P 2 ${name}`;
  return { ...shell(`${name}, by xargs -P 2`, { programs: [program, 'find', 'xargs'], ...nothing }, line), wrongAnswer: wrongDigests };
}

function tool(name: string, lacks: Lacks, command: Tool['command']): Tool {
  return { name, programs: name.startsWith('node') ? [] : [name.split(' ')[0] ?? name], command, ...lacks };
}

/** A line for the shell, with the source as $0 and the destination as $1. */
function shell(name: string, needs: Lacks & Pick<Tool, 'programs'>, line: string): Tool {
  return { name, ...needs, command: ({ source, destination }) => ['sh', '-c', line, source, destination] };
}
