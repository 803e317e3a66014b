import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readMounts } from '../../src/system/mounts.ts';
import { describeStorage } from '../../src/system/storage.ts';
import type { StorageProfile } from '../../src/system/storage-profile.ts';
import { type FixtureEntry, fixtureHost } from './fixture-host.ts';

const MiB = 1024 ** 2;

function profileOf(t: TestContext, mountLine: string, files: Readonly<Record<string, FixtureEntry>> = {}): StorageProfile {
  const host = fixtureHost(t, { ...files, 'proc/self/mountinfo': `${mountLine}\n` });
  const [mount] = readMounts(host);
  assert.ok(mount);
  return describeStorage(host, mount).profile;
}

const spinning = { 'sys/devices/pci/sda/queue/rotational': '1\n', 'sys/dev/block/8:0': { link: '../../devices/pci/sda' } };

const cases: readonly (readonly [name: string, mountLine: string, expected: Partial<StorageProfile>])[] = [
  ['a local file system is left to the engine', '1 0 254:0 / / rw - ext4 /dev/vda rw', { name: 'local', isNetwork: false }],
  ['memory too', '1 0 0:22 / /dev/shm rw - tmpfs tmpfs rw', { name: 'local', isNetwork: false }],
  [
    'NFS 3',
    '1 0 0:50 / /net rw,relatime shared:9 - nfs server:/export rw,vers=3,rsize=65536,wsize=65536,hard,proto=tcp,addr=10.0.0.1',
    { name: 'NFS 3', isNetwork: true, bufferBytes: MiB, streamCount: 4, writersPerFile: 1, contiguousRanges: true },
  ],
  [
    'NFS 4.2 with eight connections',
    '1 0 0:50 / /net rw - nfs4 server:/export rw,vers=4.2,rsize=4194304,wsize=1048576,nconnect=8,addr=10.0.0.1',
    { name: 'NFS 4.2', bufferBytes: 4 * MiB, streamCount: 16, writersPerFile: 1 },
  ],
  [
    'SMB with one connection',
    '1 0 0:51 / /smb rw - cifs //server/share rw,vers=3.1.1,addr=10.0.0.1',
    { name: 'SMB', bufferBytes: 4 * MiB, streamCount: 4, contiguousRanges: true },
  ],
  [
    'SMB that may have several',
    '1 0 0:51 / /smb rw - smb3 //server/share rw,vers=3.1.1,multichannel,max_channels=4,addr=10.0.0.1',
    { name: 'SMB', streamCount: 8, remarks: ['multichannel, 4 connections'] },
  ],
  ['GPFS', '1 0 0:60 / /gpfs rw - gpfs gpfs0 rw', { name: 'GPFS', bufferBytes: 8 * MiB, contiguousRanges: true }],
  ['Lustre', '1 0 0:61 / /lustre rw - lustre 10.0.0.1@tcp:/fs rw', { name: 'Lustre', rangeBytes: 64 * MiB, contiguousRanges: true }],
  ['GlusterFS', '1 0 0:62 / /gluster rw - fuse.glusterfs server:/volume rw', { name: 'GlusterFS', writersPerFile: 1 }],
  ['CephFS', '1 0 0:63 / /ceph rw - ceph 10.0.0.1:6789:/ rw', { name: 'CephFS', bufferBytes: 4 * MiB, rangeBytes: 64 * MiB }],
  ['CephFS by FUSE', '1 0 0:63 / /ceph rw - fuse.ceph-fuse ceph-fuse rw', { name: 'CephFS', bufferBytes: 4 * MiB }],
  ['BeeGFS', '1 0 0:64 / /beegfs rw - beegfs beegfs_nodev rw', { name: 'BeeGFS', streamCount: 16 }],
  [
    'any other FUSE program',
    '1 0 0:65 / /remote rw - fuse.sshfs user@host: rw',
    { name: 'fuse.sshfs', isNetwork: true, writersPerFile: 1 },
  ],
  ["a FUSE program on this host's own disks", '1 0 0:66 / / rw - fuse.fuse-overlayfs overlay rw', { name: 'local', isNetwork: false }],
];
for (const [name, mountLine, expected] of cases) {
  test(`profile: ${name}`, (t) => {
    const profile = profileOf(t, mountLine);
    assert.deepEqual({ ...profile, ...expected }, profile);
  });
}

test('profile: a rotating disk has contiguous parts, so that its head does not jump between threads', (t) => {
  const { name, contiguousRanges, isNetwork } = profileOf(t, '1 0 8:0 / /data rw - ext4 /dev/sda rw', spinning);
  assert.deepEqual([name, contiguousRanges, isNetwork], ['rotating disk', true, false]);
});

const nfsLine = '1 0 0:50 / /net rw - nfs4 server:/export rw,vers=4.1,addr=10.0.0.1';
const mountstats = (pnfs: string): string =>
  [
    'device /dev/vda mounted on / with fstype ext4',
    'device other:/export mounted on /other with fstype nfs4 statvers=1.1',
    '\tnfsv4:\tbm0=0xfdffbfff,bm1=0x40f9be3e,bm2=0x803,acl=0x3,sessions,pnfs=LAYOUT_NFSV4_1_FILES,lease_time=90',
    'device server:/export mounted on /net with fstype nfs4 statvers=1.1',
    '\topts:\trw,vers=4.1,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp',
    `\tnfsv4:\tbm0=0xfdffbfff,bm1=0x40f9be3e,bm2=0x803,acl=0x3,sessions,pnfs=${pnfs},lease_time=90,lease_expired=0`,
    '',
  ].join('\n');

test('profile: several threads write to one file of pNFS, whose servers are several', (t) => {
  const files = { 'proc/self/mountstats': mountstats('LAYOUT_FLEX_FILES') };
  assert.equal(profileOf(t, nfsLine, files).writersPerFile, undefined);
  assert.deepEqual(profileOf(t, nfsLine, files).remarks.at(-1), 'pNFS');
});

test("profile: another mount's pNFS is not ours", (t) => {
  assert.equal(profileOf(t, nfsLine, { 'proc/self/mountstats': mountstats('not configured') }).writersPerFile, 1);
});

const debugData = (extra: number): string =>
  [
    'Display Internal CIFS Data Structures for Debugging',
    'CIFS Version 2.43',
    'Servers: ',
    '1) ConnectionId: 0x1 Hostname: elsewhere ',
    'Number of credits: 8190 Dialect 0x311',
    '\tSessions: ',
    '\t1) Address: 10.0.0.9 Uses: 1 Capability: 0x300077\tSession Status: 1 ',
    '\n\tExtra Channels: 7 ',
    '2) ConnectionId: 0x2 Hostname: server ',
    'Number of credits: 8190 Dialect 0x311',
    '\tSessions: ',
    '\t1) Address: 10.0.0.1 Uses: 1 Capability: 0x300077\tSession Status: 1 ',
    `\n\tExtra Channels: ${extra} `,
    '',
  ].join('\n');

for (const [extra, streamCount] of [
  [0, 4],
  [3, 8],
] as const) {
  test(`profile: SMB as the client really has connected, with ${extra} more channels`, (t) => {
    const line = '1 0 0:51 / /smb rw - cifs //server/share rw,multichannel,max_channels=4,addr=10.0.0.1';
    assert.equal(profileOf(t, line, { 'proc/fs/cifs/DebugData': debugData(extra) }).streamCount, streamCount);
  });
}
