import { isDeepStrictEqual } from 'node:util';
import { namespacePlaceholder, type PolicyRoot, type StoredTransferPolicy, selects } from '@smartcopy/crds';

/** A namespace or a node, as selectors see it. */
export interface Labelled {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RootRequest {
  /** Of the job. */
  readonly namespace: Labelled;
  readonly node: Labelled;
  readonly alias: string;
  /** Read at the source of a job, Write at its destination. */
  readonly need: 'Read' | 'Write';
}

/**
 * NoPolicy: no policy selects the namespace. PolicyUnreadable: one that did cannot be read any more. PathDenied: those that do open no root of this alias on this node. AliasConflict: they open it
 * differently. AccessDenied: they open it, but not for what is needed.
 */
type DenialReason = 'NoPolicy' | 'PolicyUnreadable' | 'PathDenied' | 'AliasConflict' | 'AccessDenied';

export interface Denial {
  readonly kind: 'denied';
  readonly reason: DenialReason;
  /** A sentence that says what an administrator or the author of the job can do. */
  readonly message: string;
}

/** A directory that the job may use. */
export interface ResolvedRoot {
  readonly kind: 'resolved';
  readonly hostPath: string;
  /** Below hostPath, with the namespace in place of its placeholder. */
  readonly subPath: string;
  readonly crossMounts: boolean;
  /** What jobs may plant here, see TransferPolicy. */
  readonly keepSetuid: boolean;
  readonly keepDevices: boolean;
  readonly keepSecurityXattrs: boolean;
  /** The policy that opens it; the first by name if several say the same. */
  readonly policy: string;
}

export type Resolution = ResolvedRoot | Denial;

/** A root that is open to the one who asks, and the policy that opens it. */
interface Opening {
  readonly policy: string;
  readonly root: PolicyRoot;
}

/**
 * What an alias means for the jobs of one namespace on one node. What no policy opens is closed. Pure; the order of policies is without meaning.
 * @param isOutdated whether a policy is only the last form that could be read: what it says now is unknown, so whomever it selected it stops
 */
export function resolveRoot(
  policies: readonly StoredTransferPolicy[],
  request: RootRequest,
  isOutdated: (policy: StoredTransferPolicy) => boolean = () => false,
): Resolution {
  const { namespace, node, alias, need } = request;
  const selecting = policies.filter(({ spec }) => selects(spec.namespaceSelector, namespace.labels));
  if (selecting.length === 0) {
    const wish = `write one whose namespaceSelector matches it and that opens the root '${alias}'`;
    return deny('NoPolicy', `no TransferPolicy selects the namespace '${namespace.name}'; ${wish}`);
  }
  const [outdated] = selecting
    .filter(isOutdated)
    .map(({ metadata }) => metadata.name)
    .sort();
  if (outdated !== undefined) return unreadable(outdated, namespace.name);
  const openings = selecting.flatMap((policy) => openingsOf(policy, alias, node)).sort(byPolicy);
  const [first, ...others] = openings;
  if (first === undefined) {
    const names = listed(selecting.map(({ metadata }) => metadata.name).sort());
    return deny(
      'PathDenied',
      `no TransferPolicy opens the root '${alias}' on the node '${node.name}' to the namespace '${namespace.name}'; add it to ${names} or name another root`,
    );
  }
  const other = others.find(({ root }) => !isSameRoot(root, first.root));
  if (other !== undefined) {
    return deny(
      'AliasConflict',
      `the TransferPolicies '${first.policy}' and '${other.policy}' open the root '${alias}' differently to the namespace '${namespace.name}'; ` +
        'make them say the same or rename one',
    );
  }
  if (!allows(first.root, need)) {
    const [verb, access] = need === 'Read' ? ['reading', 'ReadOnly or ReadWrite'] : ['writing', 'WriteOnly or ReadWrite'];
    return deny(
      'AccessDenied',
      `the TransferPolicy '${first.policy}' opens the root '${alias}' as ${first.root.access}, not for ${verb}; set its access to ${access} or name another root`,
    );
  }
  const { hostPath, subPath, crossMounts, keepSetuid, keepDevices, keepSecurityXattrs } = first.root;
  return {
    kind: 'resolved',
    hostPath,
    subPath: placed(subPath, namespace.name),
    crossMounts,
    keepSetuid,
    keepDevices,
    keepSecurityXattrs,
    policy: first.policy,
  };
}

/** Whether two policies mean the same by an alias; where they are open is another question. */
export function isSameRoot(left: PolicyRoot, right: PolicyRoot): boolean {
  return isDeepStrictEqual(meaningOf(left), meaningOf(right));
}

function meaningOf({ alias: _alias, nodeSelector: _nodes, ...meaning }: PolicyRoot): object {
  return meaning;
}

function openingsOf({ metadata, spec }: StoredTransferPolicy, alias: string, node: Labelled): readonly Opening[] {
  return spec.roots.filter((root) => root.alias === alias && isOpenOn(root, node.labels)).map((root) => ({ policy: metadata.name, root }));
}

/** @param labels of the node */
export function isOpenOn({ nodeSelector }: PolicyRoot, labels: Labelled['labels']): boolean {
  return nodeSelector === undefined || selects(nodeSelector, labels);
}

function allows({ access }: PolicyRoot, need: RootRequest['need']): boolean {
  return access === 'ReadWrite' || access === (need === 'Read' ? 'ReadOnly' : 'WriteOnly');
}

function placed(subPath: string, namespace: string): string {
  return subPath
    .split('/')
    .map((segment) => (segment === namespacePlaceholder ? namespace : segment))
    .join('/');
}

function byPolicy(left: Opening, right: Opening): number {
  return left.policy < right.policy ? -1 : 1;
}

/** As many names as a message of 1024 characters has room for. */
const maxNames = 3;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxNames).map((name) => `'${name}'`);
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(names.length > maxNames ? [...shown, 'another one'] : shown);
}

function unreadable(policy: string, namespace: string): Denial {
  const advice = 'correct or delete it, or run the version that it was written for';
  return deny(
    'PolicyUnreadable',
    `the TransferPolicy '${policy}', which selected the namespace '${namespace}', was changed into what this version cannot read; ${advice}`,
  );
}

function deny(reason: DenialReason, message: string): Denial {
  return { kind: 'denied', reason, message };
}
