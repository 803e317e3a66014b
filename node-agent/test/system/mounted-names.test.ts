import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesThrough } from '../../src/system/mounted-names.ts';
import { parseMounts } from '../../src/system/mounts.ts';

const mounts = parseMounts(
  [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 8:1 /data/src/A /m rw - ext4 /dev/sda1 rw', // mount --bind /data/src/A /m
    '3 1 8:1 /data/src/a.txt /file rw - ext4 /dev/sda1 rw',
    '4 1 8:2 / /data/src/disk rw - ext4 /dev/sdb1 rw',
    '5 1 8:2 / /again rw - ext4 /dev/sdb1 rw',
    '6 1 8:2 /deep/part /part rw - ext4 /dev/sdb1 rw',
    '7 1 0:30 /@ /tree rw - btrfs /dev/sdc1 rw,subvol=/@',
    '8 1 0:30 / /all rw - btrfs /dev/sdc1 rw,subvol=/',
    '9 1 8:1 /data/b\\040b /with\\040space rw - ext4 /dev/sda1 rw',
  ].join('\n'),
);

const cases: readonly (readonly [what: string, id: number, path: string, names: readonly string[]])[] = [
  ['a bind mount of a directory', 2, '/m/g1', ['/data/src/A/g1', '/m/g1']],
  ['the bind mount itself', 2, '/m', ['/data/src/A', '/m']],
  ['a directory that is bound elsewhere', 1, '/data/src/A/sub', ['/data/src/A/sub', '/m/sub']],
  ['one whose name begins alike', 1, '/data/src/AB', ['/data/src/AB']],
  ['a bind mount of a file', 3, '/file', ['/data/src/a.txt', '/file']],
  ['what is mounted below, mounted twice', 5, '/again/x', ['/data/src/disk/x', '/again/x']],
  ['the top of it', 5, '/again', ['/data/src/disk', '/again']],
  ['a part of it', 6, '/part/x', ['/data/src/disk/deep/part/x', '/again/deep/part/x', '/part/x']],
  ['a subvolume', 7, '/tree/x', ['/tree/x', '/all/@/x']],
  ['another of the same file system', 8, '/all/@other/x', ['/all/@other/x']],
  ['names with spaces', 9, '/with space/x', ['/data/b b/x', '/with space/x']],
  ['a path that is not on that mount', 2, '/elsewhere', []],
];
for (const [what, id, path, names] of cases) {
  test(`mounts show ${what}: ${path} as ${names.join(', ') || 'nothing'}`, () => {
    const mount = mounts.find((candidate) => candidate.id === id);
    assert.ok(mount !== undefined);
    assert.deepEqual(namesThrough(mounts, mount, path), names);
  });
}
