import { OperatorError } from '../errors.ts';

/** What was asked of the API server, for the sentences of errors and the labels of metrics. */
export interface Question {
  /** RBAC's verb: get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** The plural and the subresource: `pods`, `transferjobs/status`. */
  readonly resource: string;
  /** `namespace/name` or what a list was narrowed to; may be empty. */
  readonly object: string;
}

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** The API server answered, and its answer was no. */
export class KubeApiError extends OperatorError {
  readonly status: number;
  /** The API's word for it, such as `Conflict`; empty where the answer had none. */
  readonly reason: string;
  /** How long the API server asks to be left alone; 0 when it does not. */
  readonly retryAfterMs: number;

  constructor(question: Question, answer: Refusal) {
    const { status, reason, message, retryAfterMs = 0 } = answer;
    super('SC_KUBE_API', `${sentence(question)}: ${status}${reason === '' ? '' : ` ${reason}`}: ${message}`);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer: no connection, one that broke, or none in time. Whether a write took place is unknown. */
export class KubeUnreachableError extends OperatorError {
  readonly timedOut: boolean;

  constructor(
    question: Question,
    { timedOut, message, cause }: { readonly timedOut: boolean; readonly message: string; readonly cause: unknown },
  ) {
    super('SC_KUBE_UNREACHABLE', `${sentence(question)}: ${message}`, { cause });
    this.timedOut = timedOut;
  }
}

/** An answer that cannot be used: no JSON, too long, or not of the kind's form. */
export class KubeAnswerError extends OperatorError {
  constructor(question: Question, message: string, cause?: unknown) {
    super('SC_KUBE_ANSWER', `${sentence(question)}: ${message}`, { cause });
  }
}

/** Somebody else wrote in between, or a precondition does not hold. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeApiError && error.reason === 'AlreadyExists';
}

/** The resourceVersion or continue token is too old: list anew. */
export function isGone(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 410;
}

/** The object is not there. A path that the API server does not serve is 404 as well, without this reason. */
export function isNotFound(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 404 && error.reason === 'NotFound';
}

/** The API server is busy or away: the same question may be answered later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof KubeUnreachableError) return true;
  return error instanceof KubeApiError && (error.status === 429 || error.status >= 500);
}

function sentence({ verb, resource, object }: Question): string {
  return object === '' ? `${verb} ${resource}` : `${verb} ${resource} ${object}`;
}
