import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCpuDetails } from '../../src/system/cpu-details.ts';
import { fixtureHost } from './fixture-host.ts';

const cache = '/sys/devices/system/cpu/cpu0/cache'.slice(1);

test('features and caches of a processor', (t) => {
  const host = fixtureHost(t, {
    'proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512vl sha_ni\n',
    [`${cache}/index0/level`]: '1\n',
    [`${cache}/index0/type`]: 'Data\n',
    [`${cache}/index0/size`]: '32K\n',
    [`${cache}/index0/shared_cpu_list`]: '0\n',
    [`${cache}/index3/level`]: '3\n',
    [`${cache}/index3/type`]: 'Unified\n',
    [`${cache}/index3/size`]: '32M\n',
    [`${cache}/index3/shared_cpu_list`]: '0-7\n',
  });
  assert.deepEqual(readCpuDetails(host), {
    features: { avx2: true, avx512: true, shaNi: true, neon: false, sha2: false },
    caches: [
      { level: 1, type: 'Data', sizeKib: 32, sharedBy: '0' },
      { level: 3, type: 'Unified', sizeKib: 32_768, sharedBy: '0-7' },
    ],
  });
});

test('an arm64 processor, and one of which nothing is told', (t) => {
  const { features } = readCpuDetails(fixtureHost(t, { 'proc/cpuinfo': 'Features\t: fp asimd sha2\n' }));
  assert.deepEqual([features.neon, features.sha2, features.avx2], [true, true, false]);
  assert.deepEqual(readCpuDetails(fixtureHost(t, {})).caches, []);
});
