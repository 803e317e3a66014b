import { type BigIntStats, lstatSync, realpathSync, statSync } from 'node:fs';
import type { RootedPath } from '@smartcopy/native';
import { errorCode, InputError } from '../errors.ts';
import { endsInSlash, joinPath, lastSegment, parentOf } from './byte-paths.ts';
import { escapePath } from './escape-path.ts';

/** The two ends of a local copy as the engine takes them. */
export interface LocalEnds {
  readonly source: RootedPath;
  readonly destination: RootedPath;
}

const nothing = Buffer.alloc(0);

/**
 * Turns what a person typed into roots and paths below them. Links in the two arguments are followed, as their author's own
 * word; nothing below them is. A directory's contents become the destination's contents; a file becomes the destination, or
 * goes into it when that is a directory or was written with a slash at its end.
 * @param source raw bytes of a path, absolute or relative to the working directory; so is `destination`
 * @throws InputError when the source is missing or is no file or directory, and when the destination cannot be what was asked for
 */
export function locateLocalEnds(source: Buffer, destination: Buffer): LocalEnds {
  const sourceStats = statEnd(source, 'the source');
  const destinationStats = statOrMissing(destination, 'the destination');
  if (sourceStats.isDirectory()) {
    if (destinationStats !== undefined && !destinationStats.isDirectory()) {
      throw new InputError(
        `${escapePath(destination)} is not a directory, so the contents of ${escapePath(source)} cannot be copied into it`,
      );
    }
    return { source: { root: realpath(source), path: nothing }, destination: locateDestination(destination, destinationStats) };
  }
  const real = realpath(source);
  const target = receivesInside(destination, destinationStats) ? joinPath(destination, lastSegment(source)) : destination;
  const targetStats = statOrMissing(target, 'the destination');
  if (targetStats?.isDirectory()) throw new InputError(`${escapePath(target)} is a directory, so a file cannot take its place`);
  return {
    source: rootedFile(real),
    // A link to the source itself is followed after all, so that the engine sees one file twice and refuses.
    destination: isSameFile(sourceStats, targetStats) ? rootedFile(realpath(target)) : locateDestination(target, targetStats),
  };
}

/** Two ends that exist, and how a person knows them. */
export interface ComparedEnds extends LocalEnds {
  readonly names: { readonly source: Buffer; readonly destination: Buffer };
}

/**
 * The same for two ends that are only looked at: both exist, and a file is compared with the file of its name where the destination
 * is a directory.
 * @throws InputError when an end is missing, or is neither a file nor a directory
 */
export function locateComparedEnds(source: Buffer, destination: Buffer): ComparedEnds {
  const sourceIsFile = !statEnd(source, 'the source').isDirectory();
  const receives = sourceIsFile && statEnd(destination, 'the destination').isDirectory();
  const target = receives ? joinPath(destination, lastSegment(source)) : destination;
  const targetIsFile = !statEnd(target, 'the destination').isDirectory();
  return {
    source: sourceIsFile ? rootedFile(realpath(source)) : { root: realpath(source), path: nothing },
    destination: targetIsFile ? rootedFile(realpath(target)) : { root: realpath(target), path: nothing },
    names: { source, destination: target },
  };
}

function rootedFile(real: Buffer): RootedPath {
  return { root: parentOf(real), path: lastSegment(real) };
}

/** Whether two looks saw one file or directory, whatever its names; what was not there is the same as nothing. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

function statEnd(path: Buffer, role: string): BigIntStats {
  const stats = statOrMissing(path, role);
  if (stats === undefined)
    throw new InputError(`${role} ${escapePath(path)} does not exist${isLink(path) ? ': it is a link to nothing' : ''}`);
  return stats;
}

function receivesInside(destination: Buffer, stats: BigIntStats | undefined): boolean {
  return stats === undefined ? endsInSlash(destination) : stats.isDirectory();
}

/**
 * The nearest directory that exists becomes the root, the missing rest the path. A file that exists is replaced by name
 * in its directory; a symbolic link in its place is replaced too, not written through.
 */
function locateDestination(destination: Buffer, stats: BigIntStats | undefined): RootedPath {
  if (stats?.isDirectory()) return { root: realpath(destination), path: nothing };
  const missing: Buffer[] = [];
  let existing = destination;
  do {
    const name = lastSegment(existing);
    if (name.equals(Buffer.from('..'))) {
      throw new InputError(`${escapePath(destination)} goes back with .. from a directory that does not exist; write it without`);
    }
    if (name.length > 0 && !name.equals(Buffer.from('.'))) missing.unshift(name);
    existing = parentOf(existing);
  } while (statOrMissing(existing, 'the destination') === undefined);
  if (!statSync(existing).isDirectory())
    throw new InputError(`${escapePath(existing)} is not a directory, so ${escapePath(destination)} cannot be made in it`);
  return { root: realpath(existing), path: missing.reduce(joinPath, nothing) };
}

/** `undefined` for what does not exist; every other answer of the system is an error that names the path. */
function statOrMissing(path: Buffer, role: string): BigIntStats | undefined {
  if (path.length === 0) throw new InputError(`${role} is an empty name`);
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new InputError(`${role} ${escapePath(path)} cannot be looked at: stat: ${code}`, { cause: error });
  }
}

function isLink(path: Buffer): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false; // What is missing is no link.
  }
}

function realpath(path: Buffer): Buffer {
  return realpathSync.native(path, { encoding: 'buffer' });
}
