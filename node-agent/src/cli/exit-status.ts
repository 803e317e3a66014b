/** What the shell is told. Scripts rely on these; they never change. */
export const exitStatus = {
  /** Everything was done. */
  done: 0,
  /** It ended with failures, or early, or a job is suspended, or its answer could not be written; each is named on stderr. */
  failed: 1,
  /** Wrong usage or bad input; nothing was written. */
  badInput: 2,
  /** Refused for safety: onto itself or into itself. Found on the way, only that part is refused, and the rest copied. */
  refused: 3,
  /** Ended by SIGINT or SIGTERM; what was finished stays. */
  interrupted: 130,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];
