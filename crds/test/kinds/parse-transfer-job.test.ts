import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidObjectError, parseTransferJob } from '../../src/index.ts';
import { acceptedJobs, jobWith, refusedJobs } from './transfer-job-cases.ts';

for (const { name, document } of acceptedJobs) {
  test(`accepted: ${name}`, () => {
    assert.doesNotThrow(() => parseTransferJob(document));
  });
}

for (const { name, document, field, message } of refusedJobs) {
  test(`refused: ${name}`, () => {
    assert.deepEqual(problemsIn(document), [`${field}: ${message}`]);
  });
}

test('defaults are filled in, and what was left out stays out', () => {
  const { spec } = parseTransferJob(
    jobWith({ source: { nodePath: { root: 'scratch', nodeName: 'worker-1' } }, verify: {}, parallelism: {}, engine: {} }),
  );
  assert.deepEqual(spec, {
    source: { nodePath: { root: 'scratch', path: '', nodeName: 'worker-1' } },
    destination: { nodePath: { root: 'archive', path: 'run42', nodeName: 'worker-1' } },
    update: 'IfDifferent',
    ordering: 'Auto',
    symlinks: 'Preserve',
    onConflict: 'Overwrite',
    atomic: 'Replace',
    verify: { algorithm: 'XXH3', level: 'Readback' },
    durability: 'Batch',
    parallelism: {},
    engine: { io: 'Auto', directIo: 'Auto', numa: 'Auto' },
    suspend: false,
  });
});

test('sizes become bytes', () => {
  const { spec } = parseTransferJob(jobWith({ bandwidth: { limit: '1.5Gi' }, engine: { bufferSize: 65536 } }));
  assert.deepEqual([spec.bandwidth?.limit, spec.engine?.bufferSize], [1_610_612_736, 65_536]);
});

test('everything that is wrong is said at once', () => {
  const document = jobWith({
    source: { nodePath: { root: 'Scratch', path: '/a/../b', nodeName: 'worker-1' } },
    update: 'Never',
    priority: 5,
  });
  assert.deepEqual(problemsIn(document), [
    "spec.source.nodePath.root: must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2",
    "spec.source.nodePath.path: must be relative to the root; remove the leading '/'",
    "spec.source.nodePath.path: must not contain a '..' segment; name the directory from the root down",
    'spec.update: must be IfDifferent or Always',
    'spec.priority: this version of SmartCopy has no such field; check its spelling or remove it',
  ]);
});

test('an object of another kind or version is told so, and nothing about its fields', () => {
  assert.deepEqual(problemsIn({ apiVersion: 'smartcopy.io/v1', kind: 'BandwidthSchedule', rules: [] }), [
    'apiVersion: must be smartcopy.io/v1alpha1',
    'kind: must be TransferJob',
  ]);
  assert.deepEqual(problemsIn({}), ['apiVersion: is required', 'kind: is required']);
});

test('a document that is no object is refused', () => {
  assert.deepEqual(problemsIn(null), ['document: must be an object, not null']);
  assert.deepEqual(problemsIn([jobWith()]), ['document: must be an object, not a list']);
  assert.deepEqual(problemsIn(undefined), ['document: is required']);
});

test('an object needs a name that Kubernetes would take', () => {
  assert.deepEqual(problemsIn({ ...jobWith(), metadata: { generateName: 'run-' } }), ['metadata.name: is required']);
  assert.match(problemsIn({ ...jobWith(), metadata: { name: 'Run 42' } })[0] ?? '', /^metadata\.name: must be lower-case/);
});

// No object for an API server: its JSON decoder replaces such text before anything sees it.
test('a path that cannot be written in UTF-8 is refused', () => {
  assert.deepEqual(problemsIn(jobWith({ source: { nodePath: { root: 'scratch', path: 'a\ud800', nodeName: 'worker-1' } } })), [
    'spec.source.nodePath.path: must be valid Unicode; it holds half of a surrogate pair',
  ]);
});

test('the error names every problem and carries a stable code', () => {
  assert.throws(() => parseTransferJob(jobWith({ a: 1, b: 2 })), {
    name: 'InvalidObjectError',
    code: 'SC_INVALID_OBJECT',
    message:
      'this TransferJob cannot be used: spec.a: this version of SmartCopy has no such field; check its spelling or remove it. ' +
      'spec.b: this version of SmartCopy has no such field; check its spelling or remove it',
  });
});

function problemsIn(document: unknown): readonly string[] {
  try {
    parseTransferJob(document);
    return [];
  } catch (error) {
    if (error instanceof InvalidObjectError) return error.problems;
    throw error;
  }
}
