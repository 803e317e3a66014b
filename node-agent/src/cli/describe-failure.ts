import { escapePath } from '../engine/escape-path.ts';
import type { Failure, FailureReason } from '../engine/run-transfer.ts';
import type { Places } from './places.ts';

const sentences: Readonly<Record<FailureReason, string>> = {
  DestinationInsideSource: 'refused: source and destination meet here, so it would be copied into itself',
  IoError: 'the device reported an error',
  MountPoint: 'not copied: something is mounted there, and a job does not cross mounts',
  NameTooLong: 'its name is longer than the file system allows',
  NoSpace: 'no space is left on the file system',
  OutOfMemory: 'there is not enough memory',
  PathEscape: 'a symbolic link stands there instead of a directory; it was not followed, remove it if it does not belong there',
  PermissionDenied: 'permission denied',
  QuotaExceeded: 'the disk quota is used up',
  ReadOnlyFileSystem: 'the file system is read-only',
  SourceChanged: 'it changed while it was copied; copy it again when nothing writes to it',
  SourceVanished: 'it vanished before it was copied',
  SpecialFile: 'skipped: devices, sockets and FIFOs are not copied',
  SystemError: 'the system refused',
  TooManyOpenFiles: 'too many files are open; raise the limit (ulimit -n) or use fewer threads',
  TypeConflict: 'what the destination has by that name is of another type and is never replaced; move it away',
  VerifyMismatch: 'what was read back is not what was copied; the disk or memory may be failing',
};

/** One failure or refusal as one line: which file, what happened, and the system call that said so. */
export function describeFailure({ reason, side, path, errno, syscall, offsetBytes }: Failure, places: Places): string {
  const place = side === 'source' ? places.source : places.destination;
  const where = places.areFiles ? escapePath(place) : showPlace(place, path);
  const offset = offsetBytes === undefined ? '' : ` at byte ${offsetBytes}`;
  const call = [syscall, errno].filter((part) => part !== undefined).join(': ');
  return `${where}: ${sentences[reason]}${call === '' ? offset : ` (${call}${offset})`}`;
}

/** The sentence for a kind of failure, without a path. */
export function describeReason(reason: FailureReason): string {
  return sentences[reason];
}

function showPlace(place: Uint8Array, path: Uint8Array): string {
  const base = escapePath(place);
  if (path.length === 0) return base;
  return base.endsWith('/') ? `${base}${escapePath(path)}` : `${base}/${escapePath(path)}`;
}
