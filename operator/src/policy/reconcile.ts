import { isDeepStrictEqual } from 'node:util';
import type { StoredTransferPolicy } from '@smartcopy/crds';
import type { Clock } from '../clock.ts';
import { transferPolicies } from '../kinds.ts';
import type { KubeClient } from '../kube/client.ts';
import { done, type Outcome } from '../kube/controller.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../kube/resource.ts';
import type { Change, Store } from '../kube/store.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { WriteBudget } from '../kube/write-budget.ts';
import { nextPolicyStatus } from './policy-status.ts';
import type { Labelled } from './resolve-root.ts';
import type { LabelledObject } from './resources.ts';

/** What the meaning of policies hangs on. */
export interface PolicyStores {
  readonly policies: Store<StoredTransferPolicy>;
  readonly namespaces: Store<LabelledObject>;
  readonly nodes: Store<LabelledObject>;
}

interface TransferPolicyDeps {
  readonly client: KubeClient;
  readonly stores: PolicyStores;
  readonly budget: WriteBudget;
  readonly clock: Clock;
}

/** Says in a policy's status whether it is without contradiction; the decisions about jobs do not wait for that. */
export function createPolicyReconciler({ client, stores, budget, clock }: TransferPolicyDeps) {
  return async (key: ObjectKey, signal: AbortSignal): Promise<Outcome> => {
    const policy = stores.policies.get(key);
    if (policy === undefined || stores.policies.unparsable(key) !== undefined || policy.metadata.deletionTimestamp !== undefined)
      return done;
    const status = nextPolicyStatus({
      policy,
      policies: stores.policies.list(),
      namespaces: stores.namespaces.list().map(labelledOf),
      nodes: stores.nodes.list().map(labelledOf),
      nowMs: clock.now(),
    });
    if (isDeepStrictEqual(status, policy.status)) return done;
    await budget.take('transition', signal);
    const { name, namespace, resourceVersion } = policy.metadata;
    await client.replaceStatus(transferPolicies, { metadata: { name, namespace, resourceVersion }, status }, signal);
    return done;
  };
}

function labelledOf({ metadata: { name, labels } }: LabelledObject): Labelled {
  return { name, labels };
}

/** Queues every policy when one of them, a namespace or the labels of a node change: there are few, and any two may contradict each other. */
export function wakePolicies(stores: PolicyStores, queue: Pick<WorkQueue, 'add'>): void {
  const wakeAll = (): void => {
    for (const policy of stores.policies.list()) queue.add(keyOf(policy));
  };
  stores.policies.onChange(({ key, before, after }) => {
    queue.add(key);
    // The status of one says nothing about another.
    if (before?.metadata.generation !== after?.metadata.generation || before?.metadata.uid !== after?.metadata.uid) wakeAll();
  });
  const wakeForLabels = (change: Change<KubeObject>): void => {
    if (haveLabelsChanged(change)) wakeAll();
  };
  stores.namespaces.onChange(wakeForLabels);
  stores.nodes.onChange(wakeForLabels);
}

/** Whether selectors may see the object in another light than before. */
export function haveLabelsChanged({ before, after }: Change<KubeObject>): boolean {
  return before === undefined || after === undefined || !isDeepStrictEqual(before.metadata.labels, after.metadata.labels);
}
