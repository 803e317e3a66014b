import { storedMeta } from '@smartcopy/crds';
import { z } from 'zod';
import { coreResource } from '../kube/resource.ts';
import type { AgentIdentity } from './agent-session.ts';

/** A pod as far as it says whether an agent runs in it. */
const agentPod = z.object({
  metadata: storedMeta.extend({
    ownerReferences: z.array(z.object({ apiVersion: z.string(), kind: z.string(), controller: z.boolean().default(false) })).default([]),
  }),
  spec: z.object({ nodeName: z.string().optional(), serviceAccountName: z.string().optional() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});
export type AgentPod = z.infer<typeof agentPod>;

/** To be watched with the agents' label selector, in the operator's namespace. */
export const agentPodResource = coreResource({ kind: 'Pod', plural: 'pods', scope: 'Namespaced' }, agentPod);

/** What a store of agent pods is looked up by. */
export const agentPodIndexes = {
  uid: (pod: AgentPod) => [pod.metadata.uid],
  node: (pod: AgentPod) => (pod.spec.nodeName === undefined ? [] : [pod.spec.nodeName]),
} as const;

/** Why a pod does not count as one in which an agent runs. */
export type NoAgentPod = 'UnknownPod' | 'PodEnded' | 'NotAnAgentPod';

/**
 * Who a pod is, by what the API server knows of it.
 * @param pod among the pods with the agents' label; undefined when there is none with the UID that the token was made for
 */
export function identify(pod: AgentPod | undefined, agentAccount: string): AgentIdentity | NoAgentPod {
  if (pod === undefined) return 'UnknownPod';
  const { metadata, spec } = pod;
  const isOfDaemonSet = metadata.ownerReferences.some(
    ({ apiVersion, kind, controller }) => apiVersion === 'apps/v1' && kind === 'DaemonSet' && controller,
  );
  if (!isOfDaemonSet || spec.serviceAccountName !== agentAccount || spec.nodeName === undefined) return 'NotAnAgentPod';
  if (!isLive(pod)) return 'PodEnded';
  return { node: spec.nodeName, podName: metadata.name, podUid: metadata.uid };
}

export interface NodePods {
  /** With the agents' label, on the node; not all of them need be agents. */
  readonly pods: readonly AgentPod[];
  readonly agentAccount: string;
  /** Whether the agent in a pod has been heard; the API server learns later than that that it runs. */
  readonly hasSpoken: (podUid: string) => boolean;
}

/**
 * The agent that speaks for the node in place of an older one: in the newest live pod whose agent has been started. One that still
 * waits for its image does not end the work of the one that it is to replace.
 */
export function successorOf(agent: AgentIdentity, { pods, agentAccount, hasSpoken }: NodePods): AgentIdentity | undefined {
  const own = pods.find(({ metadata }) => metadata.uid === agent.podUid);
  if (own === undefined) return undefined;
  for (const pod of pods) {
    const other = identify(pod, agentAccount);
    if (typeof other === 'string' || !isNewer(pod, own)) continue;
    if (pod.status?.phase === 'Running' || hasSpoken(other.podUid)) return other;
  }
  return undefined;
}

function isLive({ metadata, status }: AgentPod): boolean {
  return metadata.deletionTimestamp === undefined && (status?.phase === 'Running' || status?.phase === 'Pending');
}

/** Kubernetes counts creation in whole seconds; the UID decides between two of the same one, so that all see the same pod as the newest. */
function isNewer(a: AgentPod, b: AgentPod): boolean {
  const difference = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return difference === 0 ? a.metadata.uid > b.metadata.uid : difference > 0;
}
