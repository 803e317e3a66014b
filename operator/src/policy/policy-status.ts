import {
  describeAliases,
  type PolicyRoot,
  type StoredMeta,
  type StoredTransferPolicy,
  selects,
  type TransferPolicyStatus,
} from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { oneLine } from '../one-line.ts';
import { isOpenOn, isSameRoot, type Labelled } from './resolve-root.ts';

export interface PolicyObserved {
  readonly policy: StoredTransferPolicy;
  /** All of them; the policy itself may be among them. */
  readonly policies: readonly StoredTransferPolicy[];
  readonly namespaces: readonly Labelled[];
  readonly nodes: readonly Labelled[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** The status that a policy should have now. Pure. */
export function nextPolicyStatus(seen: PolicyObserved): TransferPolicyStatus {
  const { metadata, spec, status } = seen.policy;
  const selected = seen.namespaces.filter(({ labels }) => selects(spec.namespaceSelector, labels));
  const conflict = firstConflict(seen, selected);
  const ready: Verdict =
    conflict === undefined
      ? { status: 'True', reason: 'Accepted', message: 'jobs in the selected namespaces may use its roots' }
      : { status: 'False', reason: 'AliasConflict', message: conflict };
  return {
    observedGeneration: metadata.generation,
    namespaces: selected.length,
    aliases: describeAliases(spec.roots),
    conditions: [readyCondition({ metadata, status }, ready, seen.nowMs)],
  };
}

/** A policy of which no more than its status can be read. */
export interface UnreadablePolicy {
  readonly metadata: StoredMeta;
  readonly status?: TransferPolicyStatus | undefined;
}

/** Of sentences about what is wrong with a policy: a condition has room for 1024 characters. */
const maxProblemBytes = 768;

/** The status of a policy that cannot be read: what was known of it, and that it opens nothing. Pure. @param problems at least one sentence */
export function unreadableStatus(policy: UnreadablePolicy, problems: readonly string[], nowMs: number): TransferPolicyStatus {
  const what = 'this version of SmartCopy cannot read the policy, so it opens nothing, and nothing else is open to whom it selected';
  const message = `${what}; correct or delete it, or run the version that it was written for: ${oneLine(problems.join('. '), maxProblemBytes)}`;
  const ready = readyCondition(policy, { status: 'False', reason: 'Unreadable', message }, nowMs);
  return { ...policy.status, observedGeneration: policy.metadata.generation, conditions: [ready] };
}

type Condition = NonNullable<TransferPolicyStatus['conditions']>[number];
type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

function readyCondition({ metadata, status }: UnreadablePolicy, verdict: Verdict, nowMs: number): Condition {
  const before = status?.conditions?.find(({ type }) => type === 'Ready');
  const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : toTime(nowMs);
  return { type: 'Ready', observedGeneration: metadata.generation, lastTransitionTime, ...verdict };
}

/** The first other policy, by name, that gives one of the selected namespaces one of the aliases differently, as a sentence. */
function firstConflict({ policy, policies, nodes }: PolicyObserved, selected: readonly Labelled[]): string | undefined {
  const others = policies.filter(({ metadata }) => metadata.name !== policy.metadata.name).sort(byName);
  for (const other of others) {
    const namespace = selected.find(({ labels }) => selects(other.spec.namespaceSelector, labels));
    const pair = namespace === undefined ? undefined : conflictingRoots(policy, other, nodes);
    if (namespace === undefined || pair === undefined) continue;
    return (
      `the TransferPolicy '${other.metadata.name}' opens the root '${pair.alias}' differently to the namespace '${namespace.name}'; ` +
      'no job there can use it until both say the same or one has another alias'
    );
  }
  return undefined;
}

function conflictingRoots(policy: StoredTransferPolicy, other: StoredTransferPolicy, nodes: readonly Labelled[]): PolicyRoot | undefined {
  return policy.spec.roots.find((root) => {
    const theirs = other.spec.roots.find(({ alias }) => alias === root.alias);
    return theirs !== undefined && !isSameRoot(root, theirs) && meetSomewhere(root, theirs, nodes);
  });
}

function meetSomewhere(left: PolicyRoot, right: PolicyRoot, nodes: readonly Labelled[]): boolean {
  // Both are open on every node, so also on the ones that are still to come.
  if (left.nodeSelector === undefined && right.nodeSelector === undefined) return true;
  return nodes.some(({ labels }) => isOpenOn(left, labels) && isOpenOn(right, labels));
}

function byName(left: StoredTransferPolicy, right: StoredTransferPolicy): number {
  return left.metadata.name < right.metadata.name ? -1 : 1;
}
