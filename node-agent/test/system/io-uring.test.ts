import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasSystemCallFilter, judgeIoUring } from '../../src/system/io-uring.ts';
import { readKernel } from '../../src/system/kernel.ts';
import { fixtureHost } from './fixture-host.ts';

const made = { available: true, features: 0, operationCount: 48 } as const;
const refused = (errno: string) => ({ available: false, errno }) as const;

const cases = [
  ['4.18.0', undefined, refused('ENOSYS'), false, 'Disabled', false, /older than 5\.1/],
  ['5.4.0', undefined, made, false, 'Limited', true, /copying itself needs Linux 5\.6/],
  ['5.6.0', undefined, made, false, 'Full', true, /^a ring was made$/],
  ['6.6.0', '0', refused('EPERM'), true, 'Full', false, /seccomp profile of this container \(EPERM\); copies use plain system calls/],
  ['6.6.0', '0', refused('ENOSYS'), true, 'Full', false, /seccomp profile of this container \(ENOSYS\)/],
  ['6.6.0', '0', refused('ENOSYS'), false, 'Full', false, /built without it/],
  ['6.6.0', '2', refused('EPERM'), true, 'Full', false, /io_uring_disabled = 2/],
  ['6.6.0', '1', refused('EPERM'), false, 'Full', false, /io_uring_disabled = 1/],
  ['5.10.0', undefined, refused('ENOMEM'), false, 'Full', false, /RLIMIT_MEMLOCK/],
  ['5.10.0', undefined, refused('EMFILE'), false, 'Full', false, /no ring can be made \(EMFILE\)/],
] as const;
for (const [release, disabled, probe, hasFilter, tier, isUsable, reason] of cases) {
  test(`io_uring on Linux ${release}, ${probe.available ? 'made' : probe.errno}, switch ${disabled}, filter ${hasFilter}`, (t) => {
    const files = {
      'proc/sys/kernel/osrelease': release,
      ...(disabled === undefined ? {} : { 'proc/sys/kernel/io_uring_disabled': disabled }),
    };
    const status = judgeIoUring(readKernel(fixtureHost(t, files)), probe, hasFilter);
    assert.deepEqual([status.tier, status.isUsable], [tier, isUsable]);
    assert.match(status.reason, reason);
  });
}

test('a filter of system calls is seen', (t) => {
  assert.equal(hasSystemCallFilter(fixtureHost(t, { 'proc/self/status': 'Seccomp:\t2\nSeccomp_filters:\t1\n' })), true);
  assert.equal(hasSystemCallFilter(fixtureHost(t, { 'proc/self/status': 'Seccomp:\t0\n' })), false);
});
