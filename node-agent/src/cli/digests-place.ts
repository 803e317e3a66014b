import { type BigIntStats, fstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, joinPath, lastSegment, parentOf } from '../engine/byte-paths.ts';
import { escapePath } from '../engine/escape-path.ts';
import { isSameFile } from '../engine/local-paths.ts';
import { errorCode, InputError } from '../errors.ts';
import { namesBelow } from '../system/mounted-names.ts';
import type { Places } from './places.ts';

/** What a list of digests must not take with it when it is emptied. */
export interface Untouchable {
  readonly places: Places;
  /** The list of what to copy, open. */
  readonly filesFromFd?: number | undefined;
}

/**
 * Looks where a list of digests would be written, before it is opened or made. Files and directories are told by device and number, so
 * that links and other mounts are seen through.
 * @throws InputError when it is or lies in what is read, copied or replaced
 */
export function refuseDigestsPlace(file: Buffer, untouchable: Untouchable): void {
  refuse(file, { path: file, found: look(file) }, untouchable);
}

/**
 * Looks again at what was opened by that name, before it is emptied: a link on the way may lead elsewhere by now.
 * @throws InputError as before
 */
export function refuseOpenedDigests(fd: number, file: Buffer, untouchable: Untouchable): void {
  refuse(file, { path: nameOfOpen(fd) ?? file, found: fstatSync(fd, { bigint: true }) }, untouchable);
}

/** What is to be written to, and how it is found. */
interface Target {
  readonly path: Buffer;
  readonly found: BigIntStats | undefined;
}

function refuse(file: Buffer, { path, found }: Target, untouchable: Untouchable): void {
  if (found !== undefined && !found.isFile()) return; // A pipe or a terminal has nothing that could be lost.
  const why = describeLoss(path, found, untouchable);
  if (why !== undefined) throw new InputError(`--digests ${escapePath(file)} ${why}; write the digests elsewhere`);
}

/** By which name the kernel knows it now; undefined where it has none below this process's root, or /proc is not mounted. */
function nameOfOpen(fd: number): Buffer | undefined {
  try {
    const name = readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
    return isAbsolute(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

function describeLoss(file: Buffer, found: BigIntStats | undefined, { places, filesFromFd }: Untouchable): string | undefined {
  if (filesFromFd !== undefined && isSameFile(found, fstatSync(filesFromFd, { bigint: true }))) return 'is the list of --files-from itself';
  const [source, destination] = [look(Buffer.from(places.source)), look(Buffer.from(places.destination))];
  if (isSameFile(found, source) || isSameFile(found, destination)) return 'is a file of this copy';
  const place = placeOf(file);
  const end = endAbove(place, found, places);
  if (end !== undefined) return `lies below ${escapePath(end)}, where it could take the place of a file`;
  return destination === undefined && isMadeAt(place, Buffer.from(places.destination)) ? 'is a file of this copy' : undefined;
}

function endAbove(place: Place, found: BigIntStats | undefined, { source, destination }: Places): Uint8Array | undefined {
  return [source, destination].find((end) => {
    const stats = look(Buffer.from(end));
    if (stats === undefined || !stats.isDirectory()) return false;
    for (const directory of upwardsFrom(place.directory)) if (isSameFile(look(directory), stats)) return true;
    return isShownBelow(Buffer.from(end), found === undefined ? place.directory : joinPath(place.directory, place.name));
  });
}

/** The way upwards from a bind mount of a directory does not come by what that directory lies in. */
function isShownBelow(end: Buffer, path: Buffer): boolean {
  const stats = look(path);
  return namesBelow(realpathSync.native(end, { encoding: 'buffer' }), path).some((name) => isSameFile(look(name), stats));
}

/** Where a file is, or would be made: links are followed also where they lead to nothing yet. */
interface Place {
  readonly directory: Buffer;
  readonly name: Buffer;
}

const maxLinks = 40; // The kernel follows no more.

function placeOf(file: Buffer): Place {
  try {
    let place = directPlaceOf(file);
    for (let count = 0; count < maxLinks; count += 1) {
      const target = readLink(joinPath(place.directory, place.name));
      if (target === undefined) break;
      place = directPlaceOf(isAbsolute(target) ? target : joinPath(place.directory, target));
    }
    return place;
  } catch (error) {
    throw new InputError(`--digests ${escapePath(file)} cannot be written: ${errorCode(error)}`, { cause: error });
  }
}

function directPlaceOf(file: Buffer): Place {
  return { directory: realpathSync.native(parentOf(file), { encoding: 'buffer' }), name: lastSegment(file) };
}

function readLink(path: Buffer): Buffer | undefined {
  try {
    return readlinkSync(path, { encoding: 'buffer' });
  } catch (error) {
    if (errorCode(error) === 'EINVAL' || errorCode(error) === 'ENOENT') return undefined; // No link, or nothing.
    throw error;
  }
}

/** Whether the copy will make its destination there. A destination whose directory is missing too is at no place yet. */
function isMadeAt(place: Place, destination: Buffer): boolean {
  const directory = look(parentOf(destination));
  return isSameFile(directory, look(place.directory)) && lastSegment(destination).equals(place.name);
}

/** A real directory and all above it. */
function* upwardsFrom(directory: Buffer): Generator<Buffer, void, undefined> {
  let path = directory;
  for (yield path; path.length > 1; yield path) path = parentOf(path);
}

function look(path: Buffer): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined; // What cannot be looked at cannot be opened either, which is told in a better place.
  }
}
