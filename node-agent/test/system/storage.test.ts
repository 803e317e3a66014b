import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readMounts } from '../../src/system/mounts.ts';
import { describeStorage, type StorageFacts } from '../../src/system/storage.ts';
import { type FixtureEntry, fixtureHost } from './fixture-host.ts';

const disks: Readonly<Record<string, FixtureEntry>> = {
  'sys/devices/pci/nvme0/nvme0n1/queue/rotational': '0\n',
  'sys/devices/pci/nvme0/nvme0n1/queue/read_ahead_kb': '128\n',
  'sys/devices/pci/nvme0/nvme0n1/device/model': 'Fast Disk 1T    \n',
  'sys/devices/pci/nvme0/nvme0n1/nvme0n1p2/partition': '2\n',
  'sys/devices/pci/sda/queue/rotational': '1\n',
  'sys/devices/pci/sda/sda1/partition': '1\n',
  'sys/devices/pci/sdb/queue/rotational': '0\n',
  'sys/devices/virtio/vda/queue/rotational': '1\n',
  'sys/devices/virtual/block/loop0/queue/rotational': '0\n',
  'sys/devices/virtual/block/loop0/loop/backing_file': '/images/disk.img\n',
  // A volume over an encrypted one over a partition, and an array over two disks.
  'sys/devices/virtual/block/dm-1/slaves/dm-0': { link: '../../dm-0' },
  'sys/devices/virtual/block/dm-0/slaves/nvme0n1p2': { link: '../../../../pci/nvme0/nvme0n1/nvme0n1p2' },
  'sys/devices/virtual/block/md0/slaves/sda1': { link: '../../../../pci/sda/sda1' },
  'sys/devices/virtual/block/md0/slaves/sdb': { link: '../../../../pci/sdb' },
  'sys/dev/block/259:2': { link: '../../devices/pci/nvme0/nvme0n1/nvme0n1p2' },
  'sys/dev/block/8:1': { link: '../../devices/pci/sda/sda1' },
  'sys/dev/block/8:16': { link: '../../devices/pci/sdb' },
  'sys/dev/block/254:0': { link: '../../devices/virtio/vda' },
  'sys/dev/block/7:0': { link: '../../devices/virtual/block/loop0' },
  'sys/dev/block/253:1': { link: '../../devices/virtual/block/dm-1' },
  'sys/dev/block/9:0': { link: '../../devices/virtual/block/md0' },
  'sys/class/block/sdb': { link: '../../devices/pci/sdb' },
  'sys/class/block/dm-1': { link: '../../devices/virtual/block/dm-1' },
  'dev/dm-1': '',
  'dev/mapper/data': { link: '../dm-1' },
};

function storageOf(t: TestContext, mountLine: string): StorageFacts {
  const host = fixtureHost(t, { ...disks, 'proc/self/mountinfo': `${mountLine}\n` });
  const [mount] = readMounts(host);
  assert.ok(mount);
  return describeStorage(host, mount);
}

const cases: readonly (readonly [name: string, mountLine: string, expected: Partial<StorageFacts>])[] = [
  [
    'a partition is its disk',
    '1 0 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,discard',
    {
      kind: 'Nvme',
      reflink: 'No',
      options: ['rw', 'discard'],
      disks: [{ name: 'nvme0n1', kind: 'Nvme', model: 'Fast Disk 1T', readAheadKib: 128 }],
    },
  ],
  [
    'a spinning disk',
    '1 0 8:1 / /data rw - xfs /dev/sda1 rw',
    { kind: 'Rotational', reflink: 'Maybe', disks: [{ name: 'sda', kind: 'Rotational' }] },
  ],
  ['a solid state disk', '1 0 8:16 / /data rw - ext4 /dev/sdb rw', { kind: 'SolidState' }],
  ["a virtual machine's disk is not believed to turn", '1 0 254:0 / / rw - ext4 /dev/vda rw', { kind: 'Virtual' }],
  [
    'a file system in a file',
    '1 0 7:0 / /mnt rw - xfs /dev/loop0 rw',
    { kind: 'Loop', disks: [{ name: 'loop0', kind: 'Loop', backingFile: '/images/disk.img' }] },
  ],
  ['a volume stands on the disk at the bottom', '1 0 253:1 / /data rw - ext4 /dev/mapper/data rw', { kind: 'Nvme' }],
  ['an array is as slow as its slowest disk', '1 0 9:0 / /data rw - ext4 /dev/md0 rw', { kind: 'Rotational' }],
  [
    'btrfs is found by what was mounted',
    '1 0 0:45 /@home /home rw - btrfs /dev/sdb rw,compress=zstd:3',
    { kind: 'SolidState', reflink: 'Yes', options: ['rw', 'compress=zstd:3'] },
  ],
  ['btrfs on a named volume too', '1 0 0:45 / /home rw - btrfs /dev/mapper/data rw', { kind: 'Nvme' }],
  [
    'NFS',
    '1 0 0:50 / /net rw - nfs4 server:/export rw,vers=4.2,rsize=1048576,hard,addr=10.0.0.1',
    { kind: 'Network', reflink: 'Maybe', disks: [], options: ['rw', 'vers=4.2', 'rsize=1048576', 'hard'] },
  ],
  ['a FUSE file system', '1 0 0:51 / /remote rw - fuse.sshfs user@host: rw', { kind: 'Network', reflink: 'No' }],
  ['memory', '1 0 0:22 / /dev/shm rw - tmpfs tmpfs rw,size=1024k', { kind: 'Memory', disks: [], reflink: 'No' }],
  ['an unknown device', '1 0 99:0 / /odd rw - ext4 /dev/odd rw', { kind: 'Unknown', disks: [] }],
  ['a mount point with a space', '1 0 254:0 / /a\\040b\\134c rw - ext4 /dev/vda rw', { mountPoint: '/a b\\c' }],
];
for (const [name, mountLine, expected] of cases) {
  test(`storage: ${name}`, (t) => {
    const storage = storageOf(t, mountLine);
    assert.deepEqual({ ...storage, ...expected }, storage);
  });
}

test('an array names every disk once', (t) => {
  assert.deepEqual(
    storageOf(t, '1 0 9:0 / /data rw - ext4 /dev/md0 rw').disks.map((disk) => disk.name),
    ['sda', 'sdb'],
  );
});
