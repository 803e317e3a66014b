import { apiVersion, nodeAgentKind } from '@smartcopy/crds';
import { z } from 'zod';
import { ApiRefusal } from './api-client.ts';
import type { ControlPlane } from './control-plane.ts';

/** Of SmartCopy's own namespace and accounts, as operator/manifests makes them. */
export const systemNamespace = 'smartcopy-system';
const agentAccount = 'smartcopy-agent';
const operatorAccount = 'smartcopy-operator';
const agentLabels = { 'app.kubernetes.io/name': 'smartcopy', 'app.kubernetes.io/component': 'agent' } as const;
const image = 'smartcopy';
const weekSeconds = 7 * 24 * 60 * 60;

const created = z.object({ metadata: z.object({ name: z.string(), uid: z.string(), creationTimestamp: z.string() }) });
const tokenAnswer = z.object({ status: z.object({ token: z.string(), expirationTimestamp: z.string() }) });

/** What identifies an object for those that refer to it. */
export interface ObjectReference {
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since 1970, of whole seconds. */
  readonly createdAtMs: number;
}

export interface Token {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A node that is ready, without a kubelet. */
export async function createNode(controlPlane: ControlPlane, name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  await controlPlane.request('POST', '/api/v1/nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
  });
  // The API server marks every new node as not ready; the controller that would undo it later is not here.
  await controlPlane.request('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } });
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'there is no kubelet', ...now() };
  await controlPlane.request('PATCH', `/api/v1/nodes/${name}/status`, { status: { conditions: [ready] } });
}

/** The owner of the agents' pods. Nothing makes pods from it: that is done below. */
export async function createAgentDaemonSet(controlPlane: ControlPlane): Promise<ObjectReference> {
  const template = { metadata: { labels: agentLabels }, spec: agentPodSpec() };
  return await create(controlPlane, `/apis/apps/v1/namespaces/${systemNamespace}/daemonsets`, {
    metadata: { name: 'smartcopy-agent', labels: agentLabels },
    spec: { selector: { matchLabels: agentLabels }, template },
  });
}

/** An agent's pod as the DaemonSet controller makes it, running as the kubelet says. */
export async function createAgentPod(
  controlPlane: ControlPlane,
  { daemonSet, name, nodeName }: { readonly daemonSet: ObjectReference; readonly name: string; readonly nodeName: string },
): Promise<ObjectReference> {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: daemonSet.name, uid: daemonSet.uid, controller: true };
  const pod = await create(controlPlane, `/api/v1/namespaces/${systemNamespace}/pods`, {
    metadata: { name, labels: agentLabels, ownerReferences: [owner] },
    spec: { ...agentPodSpec(), nodeName },
  });
  await setPodStatus(controlPlane, name, 'Running');
  return pod;
}

/** Says in place of the kubelet how the pod is. */
export async function setPodStatus(controlPlane: ControlPlane, name: string, phase: 'Running' | 'Succeeded' | 'Failed'): Promise<void> {
  const isRunning = phase === 'Running';
  const state = isRunning ? { running: {} } : { terminated: { exitCode: phase === 'Failed' ? 1 : 0 } };
  const container = { name: 'agent', image, imageID: '', ready: isRunning, restartCount: 0, state };
  const ready = { type: 'Ready', status: isRunning ? 'True' : 'False' };
  const status = { phase, conditions: [ready], containerStatuses: [container] };
  await controlPlane.request('PATCH', `${podPath(name)}/status`, { status });
}

/** Removes a pod at once, as when its node is gone; no kubelet would do it later. */
export async function deletePod(controlPlane: ControlPlane, name: string): Promise<void> {
  await controlPlane.request('DELETE', podPath(name), { gracePeriodSeconds: 0 });
}

/** A token as the kubelet puts it into an agent's pod. */
export async function requestAgentToken(
  controlPlane: ControlPlane,
  { pod, audience, lifetimeSeconds }: { readonly pod: ObjectReference; readonly audience: string; readonly lifetimeSeconds: number },
): Promise<Token> {
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: pod.name, uid: pod.uid };
  return await requestToken(controlPlane, agentAccount, { audiences: [audience], expirationSeconds: lifetimeSeconds, boundObjectRef });
}

/** A token with which the operator has the rights of its own account and no other. */
export async function requestOperatorToken(controlPlane: ControlPlane): Promise<Token> {
  return await requestToken(controlPlane, operatorAccount, { expirationSeconds: weekSeconds });
}

const configMap = z.object({ data: z.record(z.string(), z.string()).default({}) });

/** The text under a key of a ConfigMap in SmartCopy's namespace; undefined while there is none. */
export async function readConfigMap(controlPlane: ControlPlane, name: string, key: string): Promise<string | undefined> {
  const found = await getIfThere(controlPlane, `/api/v1/namespaces/${systemNamespace}/configmaps/${name}`);
  return found === undefined ? undefined : configMap.parse(found).data[key];
}

const inventory = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), reason: z.string() })).default([]) }).optional(),
});

/** Whether the operator says that it hears from the agent of a node; roots may be missing there. */
export async function isAgentConnected(controlPlane: ControlPlane, nodeName: string): Promise<boolean> {
  const found = await getIfThere(controlPlane, `/apis/${apiVersion}/${nodeAgentKind.plural}/${nodeName}`);
  if (found === undefined) return false;
  const conditions = inventory.parse(found).status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === 'Ready' && reason !== 'AgentLost');
}

async function getIfThere(controlPlane: ControlPlane, path: string): Promise<unknown> {
  try {
    return await controlPlane.request('GET', path);
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

function agentPodSpec(): Readonly<Record<string, unknown>> {
  return { serviceAccountName: agentAccount, containers: [{ name: 'agent', image }] };
}

function podPath(name: string): string {
  return `/api/v1/namespaces/${systemNamespace}/pods/${name}`;
}

async function create(controlPlane: ControlPlane, path: string, object: unknown): Promise<ObjectReference> {
  const { metadata } = created.parse(await controlPlane.request('POST', path, object));
  return { name: metadata.name, uid: metadata.uid, createdAtMs: Date.parse(metadata.creationTimestamp) };
}

async function requestToken(controlPlane: ControlPlane, account: string, spec: unknown): Promise<Token> {
  const path = `/api/v1/namespaces/${systemNamespace}/serviceaccounts/${account}/token`;
  const { status } = tokenAnswer.parse(await controlPlane.request('POST', path, { spec }));
  return { token: status.token, expiresAtMs: Date.parse(status.expirationTimestamp) };
}

function now(): { readonly lastHeartbeatTime: string; readonly lastTransitionTime: string } {
  const time = new Date().toISOString();
  return { lastHeartbeatTime: time, lastTransitionTime: time };
}
