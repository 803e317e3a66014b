import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLosses } from '../../src/cli/summary.ts';
import { describeLoss } from '../../src/engine/losses.ts';

test('what copies lost is said with its number, the reason and the first of them', () => {
  assert.deepEqual(describeLosses([]), []);
  assert.deepEqual(
    describeLosses([
      { what: 'owner', errno: 'EPERM', count: 1_200, path: 'a/b' },
      { what: 'mode', errno: 'EOPNOTSUPP', count: 1, path: '' },
      { what: 'setuid', count: 1, path: 'sudo' },
      { what: 'xattr', errno: 'ENOSPC', count: 2, path: 'c' },
      { what: 'time', count: 3, path: 'd' },
      { what: 'acl', errno: 'EUSERS', count: 1, path: 'e' },
      { what: 'specialFile', errno: 'EPERM', count: 2, path: 'dev/null' },
    ]),
    [
      'warning: 1,200 copies without the owner or group of the source: giving files away needs privilege (CAP_CHOWN); the first: a/b',
      'warning: 1 copy without the mode of the source: the file system at the destination has no such thing (EOPNOTSUPP); the first: the destination itself',
      'warning: 1 copy without the setuid or setgid bits of the source: the TransferPolicy of the destination does not keep them; the first: sudo',
      'warning: 2 copies without the extended attributes of the source: the file system has no room for them beside the others of the file (ENOSPC); the first: c',
      'warning: 3 copies without the modification time of the source: the file system at the destination keeps no such times, or coarser ones; the first: d',
      'warning: 1 copy without the ACL of the source: the system refused (EUSERS); the first: e',
      'warning: 2 devices, sockets and FIFOs not made: making devices needs privilege (CAP_MKNOD); the first: dev/null',
    ],
  );
});

test('a path that is no UTF-8 is escaped', () => {
  assert.deepEqual(describeLoss({ what: 'acl', errno: 'EPERM', count: 1, path: Buffer.from([0x61, 0xff]) }), {
    what: 'acl',
    errno: 'EPERM',
    count: 1,
    path: 'a\\xff',
  });
});
