import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readMounts } from '../../src/system/mounts.ts';
import { type NodeOfStorage, nodeOfMount, planNuma, readNumaNodes } from '../../src/system/numa.ts';
import { type FixtureEntry, fixtureHost } from './fixture-host.ts';

const twoNodes: Readonly<Record<string, FixtureEntry>> = {
  'proc/self/status': 'Cpus_allowed_list:\t0-15\n',
  'sys/devices/system/node/online': '0-1\n',
  'sys/devices/system/node/node0/cpulist': '0-3,8-11\n',
  'sys/devices/system/node/node1/cpulist': '4-7,12-15\n',
};

const disks: Readonly<Record<string, FixtureEntry>> = {
  'sys/devices/pci0000:00/0000:00:04.0/numa_node': '0\n',
  'sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1/nvme0n1p1/partition': '1\n',
  'sys/devices/pci0000:80/0000:80:01.0/numa_node': '1\n',
  'sys/devices/pci0000:80/0000:80:01.0/ata1/host0/target0/0:0:0:0/block/sda/queue/rotational': '0\n',
  'sys/devices/pci0000:00/0000:00:05.0/numa_node': '-1\n',
  'sys/devices/pci0000:00/0000:00:05.0/virtio1/block/vda/queue/rotational': '1\n',
  'sys/devices/virtual/block/md0/slaves/nvme0n1p1': { link: '../../../../pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1/nvme0n1p1' },
  'sys/devices/virtual/block/md0/slaves/sda': {
    link: '../../../../pci0000:80/0000:80:01.0/ata1/host0/target0/0:0:0:0/block/sda',
  },
  'sys/devices/virtual/block/dm-0/slaves/sda': {
    link: '../../../../pci0000:80/0000:80:01.0/ata1/host0/target0/0:0:0:0/block/sda',
  },
  'sys/dev/block/259:1': { link: '../../devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1/nvme0n1p1' },
  'sys/dev/block/8:0': { link: '../../devices/pci0000:80/0000:80:01.0/ata1/host0/target0/0:0:0:0/block/sda' },
  'sys/dev/block/254:0': { link: '../../devices/pci0000:00/0000:00:05.0/virtio1/block/vda' },
  'sys/dev/block/9:0': { link: '../../devices/virtual/block/md0' },
  'sys/dev/block/253:0': { link: '../../devices/virtual/block/dm-0' },
};

test('the nodes of a machine, and their CPUs', (t) => {
  assert.deepEqual(readNumaNodes(fixtureHost(t, twoNodes)), [
    { id: 0, cpus: [0, 1, 2, 3, 8, 9, 10, 11] },
    { id: 1, cpus: [4, 5, 6, 7, 12, 13, 14, 15] },
  ]);
});

test('only CPUs count that this process may use, and only nodes that have one', (t) => {
  const host = fixtureHost(t, { ...twoNodes, 'proc/self/status': 'Cpus_allowed_list:\t2-3\n' });
  assert.deepEqual(readNumaNodes(host), [{ id: 0, cpus: [2, 3] }]);
});

test('a node of memory alone has no CPUs to run on', (t) => {
  const files = { ...twoNodes, 'sys/devices/system/node/online': '0-2\n', 'sys/devices/system/node/node2/cpulist': '\n' };
  assert.deepEqual(
    readNumaNodes(fixtureHost(t, files)).map(({ id }) => id),
    [0, 1],
  );
});

test('a kernel without NUMA has no nodes', (t) => {
  assert.deepEqual(readNumaNodes(fixtureHost(t, {})), []);
});

function nodeOf(t: TestContext, mountLine: string): NodeOfStorage {
  const host = fixtureHost(t, { ...disks, 'proc/self/mountinfo': `${mountLine}\n` });
  const [mount] = readMounts(host);
  assert.ok(mount);
  return nodeOfMount(host, mount);
}

const anywhere: NodeOfStorage = { kind: 'Anywhere' };
const storages: readonly (readonly [name: string, mountLine: string, expected: NodeOfStorage])[] = [
  ['a partition of a disk on node 0', '1 0 259:1 / / rw - ext4 /dev/nvme0n1p1 rw', { kind: 'Node', id: 0 }],
  ['a disk on node 1', '1 0 8:0 / / rw - ext4 /dev/sda rw', { kind: 'Node', id: 1 }],
  ['a volume on it', '1 0 253:0 / / rw - ext4 /dev/dm-0 rw', { kind: 'Node', id: 1 }],
  ['a disk of which the kernel does not know', '1 0 254:0 / / rw - ext4 /dev/vda rw', anywhere],
  ['an array over both nodes', '1 0 9:0 / / rw - ext4 /dev/md0 rw', anywhere],
  ['memory', '1 0 0:22 / /dev/shm rw - tmpfs tmpfs rw', anywhere],
  ['a network', '1 0 0:50 / /net rw - nfs4 server:/export rw', anywhere],
];
for (const [name, mountLine, expected] of storages) {
  test(`the node of storage: ${name}`, (t) => {
    assert.deepEqual(nodeOf(t, mountLine), expected);
  });
}

const nodes = [
  { id: 0, cpus: [0, 1] },
  { id: 1, cpus: [2, 3] },
];
const on = (id: number): NodeOfStorage => ({ kind: 'Node', id });

test('both ends on one node: threads and buffers are there', () => {
  const { placement, reason } = planNuma('Auto', nodes, { source: on(1), destination: on(1) });
  assert.deepEqual(placement, { workerCpus: [[2, 3]], memoryNode: 1 });
  assert.match(reason, /node 1, as both ends are/);
});

test('ends on two nodes: threads and buffers are at the destination, whose pages are written', () => {
  assert.deepEqual(planNuma('Auto', nodes, { source: on(0), destination: on(1) }).placement, { workerCpus: [[2, 3]], memoryNode: 1 });
});

test('a destination of no node leaves it to the source', () => {
  assert.deepEqual(planNuma('Auto', nodes, { source: on(0), destination: anywhere }).placement, { workerCpus: [[0, 1]], memoryNode: 0 });
});

test('storage of no node: threads are spread, and no node is preferred for buffers', () => {
  assert.deepEqual(planNuma('Auto', nodes, { source: anywhere, destination: anywhere }).placement, {
    workerCpus: [
      [0, 1],
      [2, 3],
    ],
  });
});

for (const [name, mode, of, sides] of [
  ['one node', 'Auto', nodes.slice(0, 1), { source: on(0), destination: on(0) }],
  ['switched off', 'Off', nodes, { source: on(0), destination: on(0) }],
  ['a node without usable CPUs', 'Auto', nodes, { source: on(7), destination: on(7) }],
] as const) {
  test(`nothing is pinned: ${name}`, () => {
    const { placement, reason } = planNuma(mode, of, sides);
    assert.equal(placement, undefined);
    assert.ok(reason.length > 0);
  });
}
