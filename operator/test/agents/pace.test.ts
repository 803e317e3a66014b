import assert from 'node:assert/strict';
import test from 'node:test';
import { holdMs, nextSyncMs } from '../../src/agents/pace.ts';

test('a request is held for as long as the agent asks, and never beyond half of a lease or allowance', () => {
  const hold = (waitMs: number, leases: readonly number[], allowances: readonly number[]) =>
    holdMs(waitMs, {
      assignments: leases.map((leaseMs) => ({ leaseMs })),
      allowances: allowances.map((validForMs) => ({ validForMs })),
    });
  assert.equal(hold(25_000, [], []), 25_000);
  assert.equal(hold(25_000, [3_600_000], [15_000]), 7_500);
  assert.equal(hold(25_000, [3_001, 60_000], [15_000]), 1_500);
  assert.equal(hold(1_000, [60_000], [15_000]), 1_000);
});

test('agents wait before they ask again only when there are many, or when they do not take what they are sent', () => {
  const table = [
    { hasNews: false, wasSentBefore: true, agentCount: 1, heldForMs: 0, expected: 1 },
    { hasNews: false, wasSentBefore: true, agentCount: 1_000, heldForMs: 1_000, expected: 0 },
    { hasNews: false, wasSentBefore: true, agentCount: 2_000, heldForMs: 1_000, expected: 1_000 },
    { hasNews: false, wasSentBefore: true, agentCount: 5_000, heldForMs: 25_000, expected: 0 },
    { hasNews: false, wasSentBefore: true, agentCount: 50_000, heldForMs: 0, expected: 4_000 },
    { hasNews: true, wasSentBefore: false, agentCount: 5_000, heldForMs: 0, expected: 0 },
    { hasNews: true, wasSentBefore: true, agentCount: 1, heldForMs: 0, expected: 1_000 },
  ];
  for (const { expected, ...answered } of table) assert.equal(nextSyncMs(answered), expected, JSON.stringify(answered));
});
