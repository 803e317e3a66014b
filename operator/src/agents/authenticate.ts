import { createHash } from 'node:crypto';
import type { SyncRefusal } from '@smartcopy/crds';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Store } from '../kube/store.ts';
import { type AgentPod, identify, type NoAgentPod, successorOf } from './agent-pod.ts';
import type { AgentIdentity } from './agent-session.ts';
import { type Claimed, type Implausible, readClaims } from './token-claims.ts';
import { reviewToken, type TokenVerdict } from './token-review.ts';

/** Why a request was not taken for one of an agent: values of a metric's label. */
export type AuthFailureReason =
  | NoAgentPod
  | Extract<TokenVerdict, { kind: 'refused' }>['reason']
  | Implausible['reason']
  | 'NoToken'
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

/**
 * A proven token is asked about again after so long. It counts meanwhile, and while there is no answer, as long as it says itself: nobody
 * who keeps the API server from answering ends an agent. That its pod has gone is seen sooner, by the watch.
 */
const provenForMs = 5 * 60_000;
/** After a question without an answer about a token that is proven. */
const reviewAgainMs = 10_000;
/** A refusal is remembered only so that an agent with a bad token, asking again and again, costs little. */
const refusalCachedForMs = 10_000;
/** Twice the agents of the largest fleet: each has a token, and a new one before the old one is forgotten. */
const maxProven = 10_000;
/** Apart from the others, so that invented tokens cannot push them out. */
const maxRefused = 1_000;
/**
 * Of all agents that come at once, as after a start. Invented tokens take at most one of them for each agent pod whose UID their maker knows.
 */
const maxReviews = 64;
const reviewTimeoutMs = 10_000;

interface CachedVerdict {
  readonly verdict: TokenVerdict;
  /** When it is to be asked for again; that of a refused token counts no longer then. */
  readonly untilMs: number;
}

/** A token that claims to be one of an agent whose pod is known. */
interface PlausibleToken {
  readonly token: string;
  /** By which its verdict is kept: tokens themselves are not. */
  readonly key: string;
  readonly podUid: string;
}

interface Review {
  readonly key: string;
  readonly verdict: Promise<TokenVerdict>;
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
  /** By pod: whoever invents tokens of one pod keeps no other agent from being heard. */
  readonly #reviews = new Map<string, Review>();
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
    // Also of a token that is proven: the API server would say yes to one that has expired for a while, for it remembers, too.
    const claimed = this.#claimsOf(token);
    if (claimed.kind === 'refused') return refuse(claimed.reason, claimed.detail);
    const key = createHash('sha256').update(token).digest('base64');
    const verdict = await this.#verdictOn({ token, key, podUid: claimed.podUid });
    if (typeof verdict === 'string') return refuse('ReviewFailed', verdict);
    if (verdict.kind === 'refused') return refuse(verdict.reason, verdict.detail);
    if (verdict.username !== this.#username) return refuse('WrongAccount', `it is not a token of the account ${this.#username}`);
    const agent = this.#agentIn(verdict.podUid);
    if (typeof agent === 'string') return refuse(agent, noAgentTexts[agent]);
    const refused = this.#supersededBy(agent);
    if (refused !== undefined) return refused;
    this.#spoken.add(agent.podUid);
    return { kind: 'agent', agent };
  }

  /** Whether an agent that has been authenticated still speaks for its node; undefined when it does. */
  recheck(agent: AgentIdentity): Refused | undefined {
    const now = this.#agentIn(agent.podUid);
    return typeof now === 'string' ? refuse(now, noAgentTexts[now]) : this.#supersededBy(agent);
  }

  /** @param listener called with a node when one of its agent pods changes */
  onPodChange(listener: (node: string) => void): void {
    this.#options.pods.onChange(({ before, after }) => {
      const nodes = new Set([before?.spec.nodeName, after?.spec.nodeName]);
      for (const node of nodes) if (node !== undefined) listener(node);
    });
  }

  /** What a token says of itself, unless that alone shows that it is none of an agent: then nobody is asked. */
  #claimsOf(token: string): Claimed | { readonly kind: 'refused'; readonly reason: AuthFailureReason; readonly detail: string } {
    const claimed = readClaims(token, { username: this.#username, nowMs: this.#options.clock.now() });
    if (claimed.kind === 'refused') return claimed;
    const agent = this.#agentIn(claimed.podUid);
    return typeof agent === 'string' ? { kind: 'refused', reason: agent, detail: noAgentTexts[agent] } : claimed;
  }

  #agentIn(podUid: string): AgentIdentity | NoAgentPod {
    const [pod] = this.#options.pods.by('uid', podUid);
    return identify(pod, this.#options.account.name);
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
  async #verdictOn(plausible: PlausibleToken): Promise<TokenVerdict | string> {
    const nowMs = this.#options.clock.now();
    const proven = this.#proven.get(plausible.key);
    if (proven !== undefined) {
      if (nowMs >= proven.untilMs) void this.#ask(plausible);
      return proven.verdict;
    }
    const refused = this.#refused.get(plausible.key);
    return refused !== undefined && nowMs < refused.untilMs ? refused.verdict : await this.#ask(plausible);
  }

  /** One question for each pod at a time. It is not ended by the request that asked it first: others may wait for the answer. */
  async #ask({ token, key, podUid }: PlausibleToken): Promise<TokenVerdict | string> {
    const underWay = this.#reviews.get(podUid);
    if (underWay !== undefined && underWay.key !== key) return 'another token of this pod is being looked at; ask again';
    if (underWay === undefined && this.#reviews.size >= maxReviews) return 'too many tokens are being looked at; ask again';
    try {
      return await (underWay?.verdict ?? this.#review({ token, key, podUid }));
    } catch (error) {
      // Nobody waits for the answer about a token that is proven.
      this.#options.log[this.#proven.has(key) ? 'debug' : 'warn']({ err: error }, 'the API server could not be asked about a token');
      return 'the API server could not be asked about the token; ask again';
    }
  }

  async #review({ token, key, podUid }: PlausibleToken): Promise<TokenVerdict> {
    const verdict = reviewToken(this.#options.client, token, AbortSignal.timeout(reviewTimeoutMs));
    this.#reviews.set(podUid, { key, verdict });
    try {
      const settled = await verdict;
      this.#remember(key, settled);
      return settled;
    } catch (error) {
      this.#putOff(key);
      throw error;
    } finally {
      this.#reviews.delete(podUid);
    }
  }

  /** A token that was proven stays so; that it could not be asked about again does not make it be asked about with every request. */
  #putOff(key: string): void {
    const proven = this.#proven.get(key);
    if (proven !== undefined) this.#proven.set(key, { ...proven, untilMs: this.#options.clock.now() + reviewAgainMs });
  }

  #remember(key: string, verdict: TokenVerdict): void {
    const nowMs = this.#options.clock.now();
    this.#proven.delete(key);
    this.#refused.delete(key);
    if (verdict.kind === 'proven') {
      this.#proven.set(key, { verdict, untilMs: nowMs + provenForMs });
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
