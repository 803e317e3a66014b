import { isDeepStrictEqual } from 'node:util';
import { type StoredTransferPolicy, storedMeta, storedTransferPolicy, type TransferPolicyStatus } from '@smartcopy/crds';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { transferPolicies } from '../kinds.ts';
import type { KubeClient } from '../kube/client.ts';
import { done, type Outcome } from '../kube/controller.ts';
import { type KubeObject, keyOf, type ObjectKey, type Resource, type UnparsableObject } from '../kube/resource.ts';
import type { Change, Store } from '../kube/store.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { WriteBudget } from '../kube/write-budget.ts';
import { nextPolicyStatus, type UnreadablePolicy, unreadableStatus } from './policy-status.ts';
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

/** A policy of which no more is read than what is needed to say that it cannot be read; its status is written anew if it cannot either. */
const policyMetadata: Resource<UnreadablePolicy> = {
  ...transferPolicies,
  schema: z.object({ metadata: storedMeta, status: storedTransferPolicy.shape.status.catch(undefined) }),
};

/** Says in a policy's status whether it is without contradiction; the decisions about jobs do not wait for that. */
export function createPolicyReconciler(deps: TransferPolicyDeps) {
  const { stores, clock } = deps;
  return async (key: ObjectKey, signal: AbortSignal): Promise<Outcome> => {
    const unparsable = stores.policies.unparsable(key);
    if (unparsable !== undefined) return await reconcileUnreadable(deps, unparsable, signal);
    const policy = stores.policies.get(key);
    if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) return done;
    const status = nextPolicyStatus({
      policy,
      policies: stores.policies.list(),
      namespaces: stores.namespaces.list().map(labelledOf),
      nodes: stores.nodes.list().map(labelledOf),
      nowMs: clock.now(),
    });
    await writeStatus(deps, { policy, status }, signal);
    return done;
  };
}

async function reconcileUnreadable(deps: TransferPolicyDeps, { key, problems }: UnparsableObject, signal: AbortSignal): Promise<Outcome> {
  const policy = await deps.client.get(policyMetadata, key, signal);
  if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) return done;
  await writeStatus(deps, { policy, status: unreadableStatus(policy, problems, deps.clock.now()) }, signal);
  return done;
}

interface StatusWrite {
  readonly policy: UnreadablePolicy;
  readonly status: TransferPolicyStatus;
}

async function writeStatus({ client, budget }: TransferPolicyDeps, { policy, status }: StatusWrite, signal: AbortSignal): Promise<void> {
  if (isDeepStrictEqual(status, policy.status)) return;
  await budget.take('transition', signal);
  const { name, namespace, resourceVersion } = policy.metadata;
  await client.replaceStatus(policyMetadata, { metadata: { name, namespace, resourceVersion }, status }, signal);
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
