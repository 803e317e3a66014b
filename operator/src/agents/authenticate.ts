import { createHash } from 'node:crypto';
import type { SyncRefusal } from '@smartcopy/crds';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Store } from '../kube/store.ts';
import { type AgentPod, identify, type NoAgentPod, successorOf } from './agent-pod.ts';
import type { AgentIdentity } from './agent-session.ts';
import { reviewToken, type TokenVerdict } from './token-review.ts';

/** Why a request was not taken for one of an agent: values of a metric's label. */
export type AuthFailureReason =
  | NoAgentPod
  | Extract<TokenVerdict, { kind: 'refused' }>['reason']
  | 'NoToken'
  | 'WrongAccount'
  | 'Superseded'
  | 'NotReady'
  | 'ReviewFailed';

export type Authentication =
  | { readonly kind: 'agent'; readonly agent: AgentIdentity }
  | { readonly kind: 'refused'; readonly reason: AuthFailureReason; readonly refusal: SyncRefusal };
export type Refused = Extract<Authentication, { kind: 'refused' }>;

export interface AuthenticatorOptions {
  readonly client: KubeClient;
  /** The pods with the agents' label, by `agentPodIndexes`. */
  readonly pods: Store<AgentPod>;
  readonly account: { readonly namespace: string; readonly name: string };
  readonly clock: Clock;
  readonly log: Logger;
}

/** A token is not asked about again for so long. That its pod has gone is seen sooner, by the watch. */
const cachedForMs = 5 * 60_000;
/** A refusal is remembered only so that an agent with a bad token, asking again and again, costs little. */
const refusalCachedForMs = 10_000;
/** Twice the agents of the largest fleet: each has a token, and a new one before the old one is forgotten. */
const maxProven = 10_000;
/** Apart from the others, so that invented tokens cannot push them out. */
const maxRefused = 1_000;
/** Whoever sends invented tokens costs the API server no more than so many questions at a time. */
const maxReviews = 64;
const reviewTimeoutMs = 10_000;

interface CachedVerdict {
  readonly verdict: TokenVerdict;
  readonly untilMs: number;
}

/**
 * Turns a bearer token into the agent that it proves: the API server says which pod the token is bound to, and the operator's own watch of
 * its agents' pods says the rest. Nothing in a request's body counts.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #username: string;
  readonly #proven = new Map<string, CachedVerdict>();
  readonly #refused = new Map<string, CachedVerdict>();
  readonly #reviews = new Map<string, Promise<TokenVerdict>>();
  readonly #spoken = new Set<string>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#username = `system:serviceaccount:${options.account.namespace}:${options.account.name}`;
    options.pods.onChange(({ before, after }) => {
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.#forget(before.metadata.uid);
    });
  }

  /** @param authorization the header's value */
  async authenticate(authorization: string | undefined): Promise<Authentication> {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return refuse('NoToken', 'send the token of the agent pod as bearer');
    if (!this.#options.pods.hasSynced) return refuse('NotReady', 'the operator does not know its agents yet; ask again');
    const verdict = await this.#verdictOn(token);
    if (typeof verdict === 'string') return refuse('ReviewFailed', verdict);
    if (verdict.kind === 'refused') return refuse(verdict.reason, verdict.detail);
    // Asked about again, the API server would still say yes for a while: it remembers, too.
    if (this.#options.clock.now() >= verdict.expiresAtMs) return refuse('TokenRefused', 'it has expired');
    if (verdict.username !== this.#username) return refuse('WrongAccount', `it is not a token of the account ${this.#username}`);
    const [pod] = this.#options.pods.by('uid', verdict.podUid);
    const agent = identify(pod, this.#options.account.name);
    if (typeof agent === 'string') return refuse(agent, noAgentTexts[agent]);
    const refused = this.#supersededBy(agent);
    if (refused !== undefined) return refused;
    this.#spoken.add(agent.podUid);
    return { kind: 'agent', agent };
  }

  /** Whether an agent that has been authenticated still speaks for its node; undefined when it does. */
  recheck(agent: AgentIdentity): Refused | undefined {
    const [pod] = this.#options.pods.by('uid', agent.podUid);
    const now = identify(pod, this.#options.account.name);
    return typeof now === 'string' ? refuse(now, noAgentTexts[now]) : this.#supersededBy(agent);
  }

  /** @param listener called with a node when one of its agent pods changes */
  onPodChange(listener: (node: string) => void): void {
    this.#options.pods.onChange(({ before, after }) => {
      const nodes = new Set([before?.spec.nodeName, after?.spec.nodeName]);
      for (const node of nodes) if (node !== undefined) listener(node);
    });
  }

  #supersededBy(agent: AgentIdentity): Refused | undefined {
    const { pods, account } = this.#options;
    const successor = successorOf(agent, {
      pods: pods.by('node', agent.node),
      agentAccount: account.name,
      hasSpoken: (podUid) => this.#spoken.has(podUid),
    });
    return successor === undefined
      ? undefined
      : refuse('Superseded', `the newer agent pod ${successor.podName} speaks for this node; stop all work and end`);
  }

  /** @returns a sentence when the API server could not be asked */
  async #verdictOn(token: string): Promise<TokenVerdict | string> {
    const key = createHash('sha256').update(token).digest('base64');
    const cached = this.#proven.get(key) ?? this.#refused.get(key);
    if (cached !== undefined && this.#options.clock.now() < cached.untilMs) return cached.verdict;
    const underWay = this.#reviews.get(key);
    if (underWay === undefined && this.#reviews.size >= maxReviews) return 'too many tokens are being looked at; ask again';
    const review = underWay ?? this.#review(key, token);
    try {
      return await review;
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the API server could not be asked about a token');
      return 'the API server could not be asked about the token; ask again';
    }
  }

  /** One question for each token at a time. It is not ended by the request that asked it first: others may wait for the answer. */
  #review(key: string, token: string): Promise<TokenVerdict> {
    const review = reviewToken(this.#options.client, token, AbortSignal.timeout(reviewTimeoutMs)).then((verdict) => {
      this.#remember(key, verdict);
      return verdict;
    });
    const settled = review.finally(() => this.#reviews.delete(key));
    this.#reviews.set(key, settled);
    return settled;
  }

  #remember(key: string, verdict: TokenVerdict): void {
    const nowMs = this.#options.clock.now();
    this.#proven.delete(key);
    this.#refused.delete(key);
    if (verdict.kind === 'proven') {
      this.#proven.set(key, { verdict, untilMs: nowMs + cachedForMs });
      dropOldest(this.#proven, maxProven);
    } else {
      this.#refused.set(key, { verdict, untilMs: nowMs + refusalCachedForMs });
      dropOldest(this.#refused, maxRefused);
    }
  }

  #forget(podUid: string): void {
    this.#spoken.delete(podUid);
    for (const [key, { verdict }] of this.#proven) if (verdict.kind === 'proven' && verdict.podUid === podUid) this.#proven.delete(key);
  }
}

function refuse(reason: AuthFailureReason, detail: string): Refused {
  return { kind: 'refused', reason, refusal: { code: codeOf(reason), message: `${reason}: ${detail}`.slice(0, 1024) } };
}

const noAgentTexts: Readonly<Record<NoAgentPod, string>> = {
  UnknownPod: 'its pod is none of the agents',
  PodEnded: 'its pod has ended or is being deleted',
  NotAnAgentPod: 'its pod was not made by the DaemonSet of the agents',
};

/** A Map keeps its order: the first is the oldest. */
function dropOldest(cache: Map<string, CachedVerdict>, maxSize: number): void {
  for (const key of cache.keys()) {
    if (cache.size <= maxSize) return;
    cache.delete(key);
  }
}

function codeOf(reason: AuthFailureReason): SyncRefusal['code'] {
  switch (reason) {
    case 'Superseded':
      return 'Superseded';
    case 'NotReady':
    case 'ReviewFailed':
      return 'NotReady';
    case 'NoToken':
    case 'TokenRefused':
    case 'WrongAudience':
    case 'NoPod':
    case 'WrongAccount':
    case 'UnknownPod':
    case 'PodEnded':
    case 'NotAnAgentPod':
      return 'Unauthenticated';
  }
}
