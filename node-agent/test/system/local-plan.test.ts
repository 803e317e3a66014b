import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { HostFiles } from '../../src/system/host-files.ts';
import { planLocal } from '../../src/system/local-plan.ts';

test('the table of mounts, which may be long, is read once for a plan', (t) => {
  const text = t.mock.method(HostFiles.prototype, 'text');
  const end = { root: Buffer.from(tmpdir()), path: Buffer.alloc(0) };
  const plan = planLocal({ source: end, destination: end }, { numa: 'Auto', networkOptimized: false });
  assert.ok(plan.parameters.threadCount >= 1);
  const paths = text.mock.calls.map(({ arguments: [path] }) => path);
  assert.deepEqual(
    paths.filter((path) => path.endsWith('/mountinfo')),
    ['/proc/self/mountinfo'],
  );
});
