/** The base of what this package throws; `code` is stable. */
export class SmartcopyError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What was asked for cannot be done as asked: a wrong option, a missing source, a file that is no TransferJob. The message says what to change. */
export class InputError extends SmartcopyError {
  constructor(message: string, options?: ErrorOptions) {
    super('SC_INPUT', message, options);
  }
}

/** What the system calls an error, such as ENOENT; of what has no such name, its text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}
