import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldAgain, isWorthSaving, limitOf, newlyHeld, reportOf } from '../../src/assignments/held-assignment.ts';
import type { AgentState, KeptAssignment } from '../../src/assignments/state-file.ts';
import { assignmentOf, leaseMs } from './held-copies.ts';

const nowMs = 1_000_000;

function stateOf(kept: Partial<KeptAssignment>): AgentState {
  const allowance = { bytesPerSecond: 100, endMs: nowMs + 15_000 };
  const whole = { assignment: assignmentOf(), leaseEndMs: nowMs + leaseMs, attempt: 1, allowance, ...kept };
  return { bootId: 'boot-1', assignments: [whole], departures: [] };
}

const ended: KeptAssignment['ended'] = { state: 'Succeeded', outcome: { reason: 'Succeeded', message: 'done' } };
const saving: readonly (readonly [name: string, saved: Partial<KeptAssignment>, next: Partial<KeptAssignment>, isWorth: boolean])[] = [
  ['nothing differs', {}, {}, false],
  ['a lease that was renewed a moment ago', {}, { leaseEndMs: nowMs + leaseMs + 1_000 }, false],
  ['a lease of which half has passed', { leaseEndMs: nowMs + leaseMs / 2 - 1 }, {}, true],
  ['a shorter lease', {}, { leaseEndMs: nowMs + leaseMs - 1 }, true],
  ['another attempt', {}, { attempt: 2 }, true],
  ['another spec', {}, { assignment: assignmentOf({ durability: 'File' }) }, true],
  ['another limit', {}, { allowance: { bytesPerSecond: 99, endMs: nowMs + 15_000 } }, true],
  ['a limit instead of none', { allowance: { bytesPerSecond: null, endMs: nowMs + 15_000 } }, {}, true],
  ['a renewed allowance', {}, { allowance: { bytesPerSecond: 100, endMs: nowMs + 16_000 } }, false],
  ['an end', {}, { ended }, true],
  ['the lease of what has ended', { ended, leaseEndMs: nowMs }, { ended }, false],
];
for (const [name, saved, next, isWorth] of saving) {
  test(`${name}: ${isWorth ? 'is saved' : 'is not worth a write'}`, () => {
    assert.equal(isWorthSaving(stateOf(saved), stateOf(next), nowMs), isWorth);
  });
}

test('a first state is saved, also an empty one', () => {
  assert.equal(isWorthSaving(undefined, { bootId: 'boot-1', assignments: [], departures: [] }, nowMs), true);
});

const limits: readonly (readonly [name: string, allowance: KeptAssignment['allowance'], limit: number | undefined])[] = [
  ['never granted', undefined, 0],
  ['no limit', { bytesPerSecond: null, endMs: nowMs + 1 }, undefined],
  ['no limit, granted long ago', { bytesPerSecond: null, endMs: 0 }, undefined],
  ['a limit', { bytesPerSecond: 100, endMs: nowMs + 1 }, 100],
  ['a limit that has run out', { bytesPerSecond: 100, endMs: nowMs }, 0],
];
for (const [name, allowance, limit] of limits) {
  test(`the limit of an allowance: ${name}`, () => {
    assert.equal(limitOf({ ...newlyHeld(assignmentOf(), 0), allowance }, nowMs), limit);
  });
}

test('a saved lease that lasts longer than one may is of another clock, and void', () => {
  const kept = { assignment: assignmentOf(), attempt: 1, leaseEndMs: nowMs + leaseMs };
  assert.equal(heldAgain(kept, nowMs).leaseEndMs, nowMs + leaseMs);
  assert.equal(heldAgain(kept, nowMs - 1).leaseEndMs, 0);
});

test('an end is not told before it is saved', () => {
  const held = { ...newlyHeld(assignmentOf(), 1), ended };
  assert.equal(reportOf(held, nowMs, 0).state, 'Running');
  assert.equal(reportOf({ ...held, mayTellEnd: true }, nowMs, 0).state, 'Succeeded');
});
