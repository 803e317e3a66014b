import assert from 'node:assert/strict';
import test from 'node:test';
import { revisionOf } from '../../src/agents/revision.ts';
import { assignmentOf, shardA, shardB } from './examples.ts';

test('the same set has the same revision in whatever order it and its members stand', () => {
  const [a, b] = [assignmentOf(shardA), assignmentOf(shardB)];
  const { id, epoch, leaseMs, spec } = a;
  const inOtherOrder = {
    spec: { ...spec, job: { uid: spec.job.uid, name: spec.job.name, namespace: spec.job.namespace } },
    leaseMs,
    epoch,
    id,
  };
  assert.notEqual(JSON.stringify(inOtherOrder), JSON.stringify(a));
  assert.equal(revisionOf([a, b]), revisionOf([b, inOtherOrder]));
  assert.match(revisionOf([]), /^[\w-]{43}$/);
});

test('whatever an agent would do differently has another revision', () => {
  const a = assignmentOf(shardA);
  const others = [
    [],
    [a, assignmentOf(shardB)],
    [assignmentOf(shardB)],
    [{ ...a, epoch: 2 }],
    [{ ...a, leaseMs: 1 }],
    [{ ...a, spec: { ...a.spec, threadCount: 2 } }],
    [{ ...a, spec: { ...a.spec, source: { ...a.spec.source, crossMounts: true } } }],
    [{ ...a, spec: { ...a.spec, job: { ...a.spec.job, uid: '6f0c3a1e-0000-4000-8000-000000000001' } } }],
  ];
  const revisions = new Set([[a], ...others].map(revisionOf));
  assert.equal(revisions.size, others.length + 1);
});
