import { type AgentRoot, describeAliases, type NodeAgentStatus, type StoredNodeAgent } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { agentLostAfterMs, type ConnectedAgent } from './agent-directory.ts';
import { notAppliedAfterMs } from './agent-session.ts';

type Condition = NonNullable<NodeAgentStatus['conditions']>[number];

/** The status of a NodeAgent whose agent is heard from. Pure; times change only when what they belong to does. */
export function nextStatus(agent: ConnectedAgent, stored: StoredNodeAgent | undefined, nowMs: number): NodeAgentStatus {
  const roots = distinct(agent.roots);
  return {
    version: agent.version,
    pod: agent.podName,
    capabilities: agent.capabilities,
    roots,
    aliases: describeAliases(roots),
    conditions: [transition(stored?.status, readiness(agent, roots), nowMs)],
  };
}

/** The status of a NodeAgent whose agent is silent: what was known of it, and that it is lost. */
export function lostStatus(status: NodeAgentStatus, nowMs: number): NodeAgentStatus {
  const message = `its agent was not heard from for ${agentLostAfterMs / 1_000} s; see whether the agent's pod runs on the node`;
  return { ...status, conditions: [transition(status, { status: 'False', reason: 'AgentLost', message }, nowMs)] };
}

function readiness({ isStuck }: ConnectedAgent, roots: readonly AgentRoot[]): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (isStuck) {
    const message = `its agent has not applied what it was sent for ${notAppliedAfterMs / 1_000} s: work does not begin and does not stop; see the log of the agent's pod`;
    return { status: 'False', reason: 'NotApplied', message };
  }
  const missing = roots.filter(({ state }) => state === 'Missing').map(({ alias, hostPath }) => `${alias} (${hostPath})`);
  if (missing.length === 0) return { status: 'True', reason: 'AgentConnected', message: 'its agent is heard from' };
  const message = `not mounted on the node: ${missing.join(', ')}; mount it, or take it out of the agents' configuration`;
  return { status: 'False', reason: 'RootsMissing', message: message.slice(0, maxMessageLength) };
}

/** Bound of a condition's message. */
const maxMessageLength = 1024;

function transition(before: NodeAgentStatus | undefined, now: Pick<Condition, 'status' | 'reason' | 'message'>, nowMs: number): Condition {
  const last = before?.conditions?.find(({ type }) => type === 'Ready');
  const lastTransitionTime = last?.status === now.status ? last.lastTransitionTime : toTime(nowMs);
  return { type: 'Ready', ...now, lastTransitionTime };
}

/** One entry for each alias and path, as the API server wants it, in an order that does not depend on the agent. */
function distinct(roots: readonly AgentRoot[]): AgentRoot[] {
  const byKey = new Map(roots.map((root) => [`${root.alias} ${root.hostPath}`, root]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, root]) => root);
}
