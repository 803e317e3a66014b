import type { StoredTransferJob } from '@smartcopy/crds';
import { keyOf } from '../kube/resource.ts';
import type { PolicyStores } from '../policy/reconcile.ts';
import { type Denial, type Resolution, type ResolvedRoot, type RootRequest, resolveRoot } from '../policy/resolve-root.ts';

/** One end of a job, and what the policies make of it now. */
export interface JobEnd {
  readonly node: string;
  readonly alias: string;
  readonly path: string;
  /** Whether the cluster has such a node: without its labels a policy cannot say everything. */
  readonly isNodeKnown: boolean;
  readonly resolution: Resolution;
}

export interface JobEnds {
  readonly source: JobEnd;
  readonly destination: JobEnd;
}

/** Looks up what both ends of a job mean. */
export function resolveEnds(job: StoredTransferJob, stores: PolicyStores): JobEnds {
  return { source: resolveEnd(job, 'source', stores), destination: resolveEnd(job, 'destination', stores) };
}

function resolveEnd(job: StoredTransferJob, side: keyof JobEnds, { policies, namespaces, nodes }: PolicyStores): JobEnd {
  const { root: alias, path, nodeName } = job.spec[side].nodePath;
  const namespace = namespaces.get({ namespace: '', name: job.metadata.namespace });
  const node = nodes.get({ namespace: '', name: nodeName });
  const need: RootRequest['need'] = side === 'source' ? 'Read' : 'Write';
  const request = {
    namespace: { name: job.metadata.namespace, labels: namespace?.metadata.labels ?? {} },
    node: { name: nodeName, labels: node?.metadata.labels ?? {} },
    alias,
    need,
  };
  const resolution = resolveRoot(policies.list(), request, (policy) => policies.unparsable(keyOf(policy)) !== undefined);
  return { node: nodeName, alias, path, isNodeKnown: node !== undefined, resolution };
}

/** Why the job may not be carried out; `undefined` when it may or when that cannot be said before its node is known. */
export function denialOf({ source, destination }: JobEnds): Denial | undefined {
  return [source, destination].map(certainDenial).find((denial) => denial !== undefined);
}

function certainDenial({ isNodeKnown, resolution }: JobEnd): Denial | undefined {
  if (resolution.kind !== 'denied') return undefined;
  return isNodeKnown || onEveryNode.has(resolution.reason) ? resolution : undefined;
}

/** Denials that do not hang on a node's labels. */
const onEveryNode: ReadonlySet<Denial['reason']> = new Set(['NoPolicy', 'PolicyUnreadable']);

/** Both roots, when both ends are allowed on nodes that exist. */
export function allowedRoots({ source, destination }: JobEnds): { source: ResolvedRoot; destination: ResolvedRoot } | undefined {
  if (source.resolution.kind === 'denied' || destination.resolution.kind === 'denied') return undefined;
  return source.isNodeKnown && destination.isNodeKnown ? { source: source.resolution, destination: destination.resolution } : undefined;
}
