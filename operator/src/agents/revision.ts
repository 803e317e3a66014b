import { createHash } from 'node:crypto';
import type { Assignment } from '@smartcopy/crds';

/**
 * Names a set of assignments by its content: the same set has the same name, in whatever order, whichever operator says it.
 * An operator that has just started thus finds agents that already do what it wants, and changes nothing.
 */
export function revisionOf(assignments: readonly Assignment[]): string {
  const inOrder = assignments.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify(inOrder.map((assignment) => canonical(assignment))))
    .digest('base64url');
}

/** The same value with the members of every object in order, so that equal values become equal text. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, canonical(member)]));
}
