import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCpus, usableCpuCount } from '../../src/system/cpus.ts';
import { readMemory } from '../../src/system/memory.ts';
import { chooseThreadCount } from '../../src/system/thread-count.ts';
import { type FixtureEntry, fixtureHost } from './fixture-host.ts';

const eightCpus = {
  'sys/devices/system/cpu/online': '0-7\n',
  'proc/self/status': 'Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n',
  'proc/cpuinfo': 'processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n',
  'proc/meminfo': 'MemTotal:       16384 kB\nMemFree:         1024 kB\nMemAvailable:    8192 kB\n',
};
const version2 = {
  'proc/self/mountinfo': '30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n',
  'proc/self/cgroup': '0::/kubepods/pod1/container\n',
};
const version1 = {
  'proc/self/mountinfo':
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n',
  'proc/self/cgroup': '12:cpuset:/\n4:memory:/batch/job\n3:cpu,cpuacct:/batch/job\n1:name=systemd:/x\n',
};

const quotas: readonly (readonly [
  name: string,
  files: Readonly<Record<string, FixtureEntry>>,
  usable: number,
  limit: number | undefined,
])[] = [
  ['no groups at all', {}, 8, undefined],
  ['version 2 without a quota', { ...version2, 'sys/fs/cgroup/kubepods/pod1/container/cpu.max': 'max 100000\n' }, 8, undefined],
  ['version 2 with a quota of 1.5', { ...version2, 'sys/fs/cgroup/kubepods/pod1/container/cpu.max': '150000 100000\n' }, 2, 1.5],
  ['a quota below one CPU', { ...version2, 'sys/fs/cgroup/kubepods/pod1/container/cpu.max': '10000 100000\n' }, 1, 0.1],
  ['a quota above the CPUs there are', { ...version2, 'sys/fs/cgroup/kubepods/pod1/container/cpu.max': '6400000 100000\n' }, 8, 64],
  [
    'a parent with less than its child',
    {
      ...version2,
      'sys/fs/cgroup/kubepods/pod1/container/cpu.max': '600000 100000\n',
      'sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000\n',
      'sys/fs/cgroup/kubepods/cpu.max': 'max 100000\n',
    },
    3,
    3,
  ],
  [
    'a container whose namespace hides its path',
    { ...version2, 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n' },
    2,
    2,
  ],
  [
    'a process outside of what its mount shows',
    {
      ...version2,
      'proc/self/cgroup': '0::/../other\n',
      'sys/fs/cgroup/cpu.max': '200000 100000\n',
      'sys/fs/other/cpu.max': '100000 100000\n',
    },
    2,
    2,
  ],
  [
    'version 1 without a quota',
    {
      ...version1,
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us': '100000\n',
    },
    8,
    undefined,
  ],
  [
    'version 1 with a quota',
    {
      ...version1,
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us': '250000\n',
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us': '100000\n',
    },
    3,
    2.5,
  ],
  [
    'version 1 with a quota of the parent',
    {
      ...version1,
      'sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us': '25000\n',
    },
    2,
    2,
  ],
  [
    'version 1 in a container, whose mount shows its own group only',
    {
      'proc/self/mountinfo': '40 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n',
      'proc/self/cgroup': '3:cpu:/docker/abc\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    4,
    4,
  ],
  [
    'a mount of another group with a similar name',
    {
      'proc/self/mountinfo': '40 31 0:29 /docker/ab /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n',
      'proc/self/cgroup': '3:cpu:/docker/abc\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    1,
    1,
  ],
  [
    'both versions, version 1 having the CPU controller',
    {
      'proc/self/mountinfo': `${version1['proc/self/mountinfo']}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
      'proc/self/cgroup': `${version1['proc/self/cgroup']}0::/system.slice\n`,
      'sys/fs/cgroup/unified/system.slice/cgroup.procs': '1\n',
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us': '200000\n',
      'sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us': '100000\n',
    },
    2,
    2,
  ],
];
for (const [name, files, usable, limit] of quotas) {
  test(`CPUs with ${name}: ${usable} usable`, (t) => {
    const cpus = readCpus(fixtureHost(t, { ...eightCpus, ...files }));
    assert.equal(cpus.limit?.value, limit);
    assert.equal(usableCpuCount(cpus), usable);
    assert.equal(chooseThreadCount(cpus), usable);
  });
}

test('CPUs that this process may not run on do not count', (t) => {
  const cpus = readCpus(fixtureHost(t, { ...eightCpus, 'proc/self/status': 'Cpus_allowed_list:\t1,4-6\n' }));
  assert.deepEqual(cpus, { onlineCount: 8, affinityCount: 4, model: 'Some CPU @ 3 GHz' });
  assert.equal(usableCpuCount(cpus), 4);
});

test('a host that shows nothing still gets one thread', (t) => {
  assert.equal(chooseThreadCount(readCpus(fixtureHost(t, {}))), 1);
});

test('a machine of many CPUs gets no more threads than the engine takes', (t) => {
  const cpus = readCpus(fixtureHost(t, { 'sys/devices/system/cpu/online': '0-511\n', 'proc/self/status': 'Cpus_allowed_list:\t0-511\n' }));
  assert.equal(cpus.onlineCount, 512);
  assert.equal(chooseThreadCount(cpus), 256);
});

const memoryLimits: readonly (readonly [name: string, files: Readonly<Record<string, FixtureEntry>>, limit: number | undefined])[] = [
  ['no limit of version 2', { ...version2, 'sys/fs/cgroup/kubepods/pod1/container/memory.max': 'max\n' }, undefined],
  ['a limit of the pod', { ...version2, 'sys/fs/cgroup/kubepods/pod1/memory.max': '1048576\n' }, 1_048_576],
  ['no limit of version 1', { ...version1, 'sys/fs/cgroup/memory/batch/job/memory.limit_in_bytes': '9223372036854771712\n' }, undefined],
  ['a limit of version 1', { ...version1, 'sys/fs/cgroup/memory/batch/job/memory.limit_in_bytes': '2097152\n' }, 2_097_152],
];
for (const [name, files, limit] of memoryLimits) {
  test(`memory with ${name}`, (t) => {
    const memory = readMemory(fixtureHost(t, { ...eightCpus, ...files }));
    assert.equal(memory.totalBytes, 16_384 * 1024);
    assert.equal(memory.availableBytes, 8_192 * 1024);
    assert.equal(memory.limit?.value, limit);
  });
}
