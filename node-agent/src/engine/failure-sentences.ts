import type { FailureReason } from '@smartcopy/native';

const sentences: Readonly<Record<FailureReason, string>> = {
  Conflict: 'the destination has another by that name, which was to be kept',
  DanglingLink: 'not followed: the link leads to nothing',
  DestinationInsideSource: 'refused: source and destination meet here, so it would be copied into itself',
  DotDotInList: 'the list of what to copy holds a .. there; write the path from the source down, without it',
  IoError: 'the device reported an error',
  LinkLoop: 'not followed: the link leads to a directory that it lies in, or round in a circle',
  LinkToDirectory: 'the source itself is a symbolic link to a directory; name the directory that it leads to',
  MediaNotOffered: 'this file system cannot be read past the page cache, so there is no medium to verify; use level readback',
  MetadataNotKept: 'something of it could not be kept, and everything was to be',
  MountPoint: 'not copied: something is mounted there, and a job does not cross mounts',
  NameTooLong: 'its name is longer than the file system allows',
  NoSpace: 'no space is left on the file system',
  NotInSource: 'it is in the list of what to copy, and not in the source',
  NulInList: 'the list holds NUL bytes; add --from0, so that each ends a path',
  OutOfMemory: 'there is not enough memory',
  PathEscape:
    'a symbolic link there leads out of the tree, or stands instead of a directory; it was not followed, remove it if it does not belong there',
  PermissionDenied: 'permission denied',
  QuotaExceeded: 'the disk quota is used up',
  ReadOnlyFileSystem: 'the file system is read-only',
  SourceChanged: 'it changed while it was copied; copy it again when nothing writes to it',
  SourceVanished: 'it vanished before it was copied',
  SpecialFile: 'skipped: devices, sockets and FIFOs are not copied here',
  SystemError: 'the system refused',
  TooManyLinks:
    'not followed: links within what links lead to came to this directory 1,000 times already; copy links as they are, or leave some of them out',
  TooManyOpenFiles: 'too many files are open; raise the limit (ulimit -n) or use fewer threads',
  TypeConflict: 'what the destination has by that name is of another type and is never replaced; move it away',
  VerifyMismatch: 'what was read back is not what was copied; the disk or memory may be failing',
};

/** The sentence for a kind of failure, without a path. */
export function describeReason(reason: FailureReason): string {
  return sentences[reason];
}
