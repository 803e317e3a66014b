import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KernelFacts, readKernel } from '../../src/system/kernel.ts';
import { fixtureHost } from './fixture-host.ts';

const kernels: readonly (readonly [release: string, expected: Omit<KernelFacts, 'release'>])[] = [
  ['4.18.0-553.el8.x86_64', { hasOpenat2: false, ioUring: { support: 'None' } }],
  ['5.1.0', { hasOpenat2: false, ioUring: { support: 'Limited' } }],
  ['5.5.19', { hasOpenat2: false, ioUring: { support: 'Limited' } }],
  ['5.6.0', { hasOpenat2: true, ioUring: { support: 'Full' } }],
  ['5.15.167.4-microsoft-standard-WSL2', { hasOpenat2: true, ioUring: { support: 'Full' } }],
  ['6.10.0', { hasOpenat2: true, ioUring: { support: 'Full' } }],
  ['10.0.0', { hasOpenat2: true, ioUring: { support: 'Full' } }],
  ['unknown', { hasOpenat2: false, ioUring: { support: 'None' } }],
];
for (const [release, expected] of kernels) {
  test(`what Linux ${release} offers`, (t) => {
    assert.deepEqual(readKernel(fixtureHost(t, { 'proc/sys/kernel/osrelease': `${release}\n` })), { release, ...expected });
  });
}

test('the switch that turns io_uring off is read', (t) => {
  const host = fixtureHost(t, { 'proc/sys/kernel/osrelease': '6.6.0\n', 'proc/sys/kernel/io_uring_disabled': '2\n' });
  assert.deepEqual(readKernel(host).ioUring, { support: 'Full', disabled: 2 });
});
