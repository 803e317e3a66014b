import { type StoredTransferJob, selects } from '@smartcopy/crds';
import type { AgentDirectory } from '../agents/agent-directory.ts';
import { keyOf } from '../kube/resource.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import { haveLabelsChanged } from '../policy/reconcile.ts';
import type { WorkStores } from './assignments.ts';
import { nodesOf } from './resources.ts';

interface WakeDeps {
  readonly stores: WorkStores;
  readonly directory: Pick<AgentDirectory, 'nodeChanged' | 'allChanged' | 'onReport' | 'onAgentChange'>;
  readonly queue: Pick<WorkQueue, 'add'>;
  /** The operator's own, where shards live. */
  readonly namespace: string;
}

/**
 * Queues a job whenever something changes that its decision hangs on, and tells the directory which nodes may have other work to do.
 * The directory goes first: an agent is to stop or start whether or not a worker is free.
 */
export function wakeOnChanges(deps: WakeDeps): void {
  wakeOnObjects(deps);
  wakeOnPolicies(deps);
  wakeOnAgents(deps);
}

function wakeOnObjects({ stores, directory, queue }: WakeDeps): void {
  stores.jobs.onChange(({ key, before, after }) => {
    const nodes = new Set([before, after].flatMap((job) => (job === undefined ? [] : nodesOf(job))));
    for (const node of nodes) directory.nodeChanged(node);
    queue.add(key);
  });
  stores.shards.onChange(({ key, before, after }) => {
    // One that was never readable names no job; the job knows the name of its shard.
    if (before === undefined && after === undefined) for (const job of stores.jobs.by('shard', key.name)) queue.add(keyOf(job));
    const shards = [before, after].filter((shard) => shard !== undefined);
    for (const node of new Set(shards.map(({ spec }) => spec.node))) directory.nodeChanged(node);
    for (const { spec } of shards) queue.add(spec.jobRef);
  });
}

function wakeOnPolicies({ stores, directory, queue }: WakeDeps): void {
  const wake = (jobs: readonly StoredTransferJob[]): void => {
    for (const node of new Set(jobs.flatMap(nodesOf))) directory.nodeChanged(node);
    for (const job of jobs) queue.add(keyOf(job));
  };
  const unreadable = new Set<string>();
  stores.policies.onChange(({ key, before, after }) => {
    const wasUnreadable = unreadable.delete(key.name);
    const isUnreadable = stores.policies.unparsable(key) !== undefined;
    if (isUnreadable) unreadable.add(key.name);
    const isSame = before?.metadata.generation === after?.metadata.generation && before?.metadata.uid === after?.metadata.uid;
    // While it cannot be read it is known in its last form alone.
    if (isSame && wasUnreadable === isUnreadable) return;
    const policies = [before, after].filter((policy) => policy !== undefined);
    const selected = stores.namespaces
      .list()
      .filter(({ metadata }) => policies.some(({ spec }) => selects(spec.namespaceSelector, metadata.labels)));
    wake(selected.flatMap(({ metadata }) => stores.jobs.by('namespace', metadata.name)));
  });
  stores.namespaces.onChange((change) => {
    if (haveLabelsChanged(change)) wake(stores.jobs.by('namespace', change.key.name));
  });
  // Kubelets touch their nodes every few minutes; only labels and existence matter.
  stores.nodes.onChange((change) => {
    if (haveLabelsChanged(change)) wake(stores.jobs.by('node', change.key.name));
  });
}

function wakeOnAgents({ stores, directory, queue, namespace }: WakeDeps): void {
  directory.onReport((name) => {
    const shard = stores.shards.get({ namespace, name });
    if (shard !== undefined) queue.add(shard.spec.jobRef);
  });
  directory.onAgentChange((node) => {
    for (const job of stores.jobs.by('node', node)) queue.add(keyOf(job));
    // A shard may be on a node that its job no longer names.
    for (const shard of stores.shards.by('node', node)) queue.add(shard.spec.jobRef);
  });
}
