/** The base of what this package throws; `code` is stable. */
export class NativeError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A transfer that could not be started: the system's answer about a root, or the kernel is too old. */
export class NativeIoError extends NativeError {
  readonly errno: string;
  readonly syscall: string;
  /** Raw bytes: a path need not be UTF-8. */
  readonly path: Buffer;

  constructor(message: string, detail: { errno: string; syscall: string; path: Buffer }, options?: ErrorOptions) {
    super('SC_NATIVE_IO', message, options);
    this.errno = detail.errno;
    this.syscall = detail.syscall;
    this.path = detail.path;
  }
}

/** A transfer refused because it would copy something onto or into itself; judged by device and inode, never by name. */
export class RefusedError extends NativeError {
  readonly reason: 'SameFile' | 'DestinationInsideSource';

  constructor(reason: 'SameFile' | 'DestinationInsideSource', message: string, options?: ErrorOptions) {
    super(reason === 'SameFile' ? 'SC_SAME_FILE' : 'SC_DESTINATION_INSIDE_SOURCE', message, options);
    this.reason = reason;
  }
}

/** Turns what the addon threw into this package's classes; anything unknown passes unchanged. */
export function toNativeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('refused' in error && (error.refused === 'SameFile' || error.refused === 'DestinationInsideSource')) {
    return new RefusedError(error.refused, error.message, { cause: error });
  }
  if (!('errno' in error && 'syscall' in error && 'path' in error)) return error;
  const { errno, syscall, path } = error;
  if (typeof errno !== 'string' || typeof syscall !== 'string' || !Buffer.isBuffer(path)) return error;
  return new NativeIoError(error.message, { errno, syscall, path }, { cause: error });
}
