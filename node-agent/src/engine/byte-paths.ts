// Paths as bytes, since they need not be text. Nothing here asks the system: `..` and links are left as they are.

const slash = '/'.charCodeAt(0);

export function isAbsolute(path: Buffer): boolean {
  return path[0] === slash;
}

export function endsInSlash(path: Buffer): boolean {
  return path.at(-1) === slash;
}

/** The name after the last slash, slashes at the end not counted; empty for `/`. */
export function lastSegment(path: Buffer): Buffer {
  const trimmed = withoutEndSlashes(path);
  return trimmed.subarray(trimmed.lastIndexOf(slash) + 1);
}

/** The directory that holds a path; `.` for a bare name and `/` for what lies directly below it. */
export function parentOf(path: Buffer): Buffer {
  const trimmed = withoutEndSlashes(path);
  const end = trimmed.lastIndexOf(slash);
  if (end < 0) return Buffer.from('.');
  return end === 0 ? Buffer.from('/') : withoutEndSlashes(trimmed.subarray(0, end));
}

/** `path` below `directory`; below an empty one it is itself. */
export function joinPath(directory: Buffer, path: Buffer): Buffer {
  if (directory.length === 0) return path;
  return endsInSlash(directory) ? Buffer.concat([directory, path]) : Buffer.concat([directory, Buffer.from('/'), path]);
}

function withoutEndSlashes(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === slash) end -= 1;
  return path.subarray(0, end);
}
