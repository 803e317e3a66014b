import { escapePath } from '../engine/escape-path.ts';
import type { Failure, FailureReason } from '../engine/run-transfer.ts';

/** The names by which a person knows the two ends. */
export interface Places {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

const sentences: Readonly<Record<FailureReason, string>> = {
  DestinationInsideSource: 'refused: source and destination meet here, so it would be copied into itself',
  IoError: 'the device reported an error',
  MountPoint: 'not copied: something is mounted there, and a job does not cross mounts',
  NameTooLong: 'its name is longer than the file system allows',
  NoSpace: 'no space is left on the file system',
  OutOfMemory: 'there is not enough memory',
  PathEscape: 'a directory on the way was exchanged for a link or moved away; it was not followed',
  PermissionDenied: 'permission denied',
  QuotaExceeded: 'the disk quota is used up',
  ReadOnlyFileSystem: 'the file system is read-only',
  SourceChanged: 'it changed while it was copied; copy it again when nothing writes to it',
  SourceVanished: 'it vanished before it was copied',
  SpecialFile: 'skipped: devices, sockets and FIFOs are not copied',
  SystemError: 'the system refused',
  TooManyOpenFiles: 'too many files are open; raise the limit (ulimit -n) or use fewer threads',
  TypeConflict: 'one side has a directory where the other has a file; move the one at the destination away',
  VerifyMismatch: 'what was read back is not what was copied; the disk or memory may be failing',
};

/** One failure or refusal as one line: which file, what happened, and the system call that said so. */
export function describeFailure({ reason, side, path, errno, syscall, offsetBytes }: Failure, places: Places): string {
  const where = showPlace(side === 'source' ? places.source : places.destination, path);
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
