import { describeAliases, type PolicyRoot, type StoredTransferPolicy, selects, type TransferPolicyStatus } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
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
  const before = status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = conflict === undefined ? 'True' : 'False';
  return {
    observedGeneration: metadata.generation,
    namespaces: selected.length,
    aliases: describeAliases(spec.roots),
    conditions: [
      {
        type: 'Ready',
        status: ready,
        observedGeneration: metadata.generation,
        lastTransitionTime: before?.status === ready ? before.lastTransitionTime : toTime(seen.nowMs),
        ...(conflict === undefined
          ? { reason: 'Accepted', message: 'jobs in the selected namespaces may use its roots' }
          : { reason: 'AliasConflict', message: conflict }),
      },
    ],
  };
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
