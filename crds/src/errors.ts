/** The base of what this package throws; `code` is stable. */
export class CrdsError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A document that is no valid object of its kind. */
export class InvalidObjectError extends CrdsError {
  /** One sentence for each thing that is wrong, `spec.source.nodePath.path: must be relative …`; at least one. */
  readonly problems: readonly string[];

  constructor(kind: string, problems: readonly string[], options?: ErrorOptions) {
    super('SC_INVALID_OBJECT', `this ${kind} cannot be used: ${problems.join('. ')}`, options);
    this.problems = problems;
  }
}
