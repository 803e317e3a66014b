import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineShare } from '../../src/assignments/engine-share.ts';
import { obstacleTo, planTransfer, showEnd, temporariesEpoch } from '../../src/assignments/plan-assignment.ts';
import { defaultPreserve } from '../../src/engine/defaults.ts';
import { assignmentOf } from './held-copies.ts';

const path = { path: '/host/disk', isReadOnly: false };
const roots = {
  find: ({ alias }: { readonly alias: string }) => (alias === 'absent' ? undefined : { ...path, isReadOnly: alias === 'sealed' }),
};
const options = {
  roots,
  attempt: 3,
  threadCount: 2,
  memoryBytes: 1024 ** 3,
  nodes: [],
  share: <T extends EngineShare>(asked: T) => ({ ...asked, ringMemoryBytes: 0 }),
  pageCacheBytes: 1024 ** 3,
};
const { source, destination } = assignmentOf().spec;

test("the engine is given the root as it is mounted, and below it the policy's and the job's part of the path", () => {
  const parts = [
    { subPath: '', path: '', below: '' },
    { subPath: '', path: 'a/b', below: 'a/b' },
    { subPath: 'tenant', path: '', below: 'tenant' },
    { subPath: 'tenants/x', path: 'a/b', below: 'tenants/x/a/b' },
  ];
  for (const { subPath, path: jobPath, below } of parts) {
    const transfer = planTransfer(assignmentOf({ source: { ...source, subPath, path: jobPath } }), options);
    assert.deepEqual([transfer?.source.root.toString(), transfer?.source.path.toString()], ['/host/disk', below]);
  }
});

test('mounts are crossed only where both ends allow it', () => {
  for (const [from, to] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const) {
    const ends = { source: { ...source, crossMounts: from }, destination: { ...destination, crossMounts: to } };
    assert.equal(planTransfer(assignmentOf(ends), options)?.crossMounts, from && to);
  }
});

test('nothing is planted that the policy of the destination does not name', () => {
  const keeps = { keepSetuid: true, keepDevices: true, keepSecurityXattrs: true };
  const planned = (ends: object) => {
    const { keepSetuid, keepDevices, keepSecurityXattrs } = planTransfer(assignmentOf(ends), options) ?? {};
    return [keepSetuid, keepDevices, keepSecurityXattrs];
  };
  assert.deepEqual(planned({}), [false, false, false], 'an older operator names none');
  assert.deepEqual(planned({ source: { ...source, ...keeps } }), [false, false, false]);
  assert.deepEqual(planned({ destination: { ...destination, ...keeps } }), [true, true, true]);
  assert.deepEqual(planned({ destination: { ...destination, keepDevices: true } }), [false, true, false]);
});

test('everything is preserved unless the job says otherwise', () => {
  assert.deepEqual(planTransfer(assignmentOf(), options)?.preserve, defaultPreserve);
  const preserve = { ...defaultPreserve, xattrs: false, strict: true };
  const transfer = planTransfer(assignmentOf({ preserve: { ...preserve, sparse: 'Never' } }), options);
  assert.deepEqual([transfer?.preserve, transfer?.sparse], [preserve, 'Never']);
});

test('what the job says wins over what the agent would choose', () => {
  assert.deepEqual(
    [planTransfer(assignmentOf(), options)?.threadCount, planTransfer(assignmentOf({ threadCount: 7 }), options)?.threadCount],
    [2, 7],
  );
  assert.equal(planTransfer(assignmentOf({ bufferBytes: 4096 }), options)?.bufferBytes, 4096);
  const half = ({ threadCount, bufferBytes }: EngineShare) => ({
    threadCount: threadCount / 2,
    bufferBytes: bufferBytes / 2,
    ringMemoryBytes: 0,
  });
  const transfer = planTransfer(assignmentOf({ threadCount: 8, bufferBytes: 8192 }), { ...options, share: half });
  assert.deepEqual([transfer?.threadCount, transfer?.bufferBytes], [4, 4096], 'the node has the last word');
});

test('how bytes are moved is left to the engine unless the job says so', () => {
  const said = { io: 'IoUring', directIo: 'Never', preserve: { ...defaultPreserve, sparse: 'Always' } } as const;
  const ways = [undefined, said].map((given) => planTransfer(assignmentOf(given ?? {}), options));
  assert.deepEqual(
    ways.map((transfer) => [transfer?.io, transfer?.directIo, transfer?.sparse]),
    [
      ['Auto', 'Auto', 'Auto'],
      ['IoUring', 'Never', 'Always'],
    ],
  );
});

test('a digest is computed where something is verified, and nowhere else', () => {
  const digestOf = (level: 'None' | 'Source' | 'Readback') =>
    planTransfer(assignmentOf({ verify: { algorithm: 'XXH3', level } }), options)?.digest;
  assert.deepEqual(
    [digestOf('None'), digestOf('Source'), digestOf('Readback'), planTransfer(assignmentOf(), options)?.digest],
    [undefined, 'XXH3', 'XXH3', undefined],
  );
});

test('temporary names of a later beginning are later, within 32 bits', () => {
  const inOrder = [
    [1, 1],
    [1, 2],
    [2, 1],
    [65_535, 65_535],
    [70_000, 70_000],
  ] as const;
  const numbers = inOrder.map(([epoch, attempt]) => temporariesEpoch(epoch, attempt));
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    numbers,
  );
  assert.equal(new Set(numbers.slice(0, 4)).size, 4);
  assert.ok(numbers.every((number) => number >>> 0 === number));
  assert.equal(planTransfer(assignmentOf({ epoch: 2 }), options)?.temporaries.epoch, 2 * 65_536 + 3);
});

test('an assignment has an obstacle where a root is missing at either end, or read-only at the destination', () => {
  const cases = [
    [{ source: { ...source, alias: 'absent' } }, 'RootNotMounted'],
    [{ destination: { ...destination, alias: 'absent' } }, 'RootNotMounted'],
    [{ destination: { ...destination, alias: 'sealed' } }, 'RootReadOnly'],
    [{ source: { ...source, alias: 'sealed' } }, undefined],
  ] as const;
  for (const [ends, reason] of cases) {
    assert.equal(obstacleTo(assignmentOf(ends), roots)?.reason, reason);
    assert.equal(planTransfer(assignmentOf(ends), options) === undefined, reason !== undefined);
  }
});

test('people see an end as the job names it, on one line', () => {
  assert.equal(showEnd({ ...source, subPath: 'tenants/x', path: 'run\n42' }), 'data:run\\n42');
});
