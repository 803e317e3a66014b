import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AclFormatError } from '../../src/acl/byte-reader.ts';
import { readPosixAcl, toGetfaclLines } from '../../src/acl/posix-acl.ts';
import { posixAclBytes, u32 } from './descriptor-bytes.ts';

test('a POSIX ACL reads as getfacl shows it, with what the mask leaves', () => {
  const entries = readPosixAcl(
    posixAclBytes([
      [1, 7],
      [2, 7, 1000],
      [4, 7],
      [8, 4, 50],
      [0x10, 5],
      [0x20, 0],
    ]),
  );
  assert.deepEqual(toGetfaclLines(entries), [
    'user::rwx',
    'user:1000:rwx\t#effective:r-x',
    'group::rwx\t#effective:r-x',
    'group:50:r--',
    'mask::r-x',
    'other::---',
  ]);
  assert.deepEqual(toGetfaclLines(entries, 'default:')[1], 'default:user:1000:rwx\t#effective:r-x');
});

test('without a mask everything is effective', () => {
  const entries = readPosixAcl(
    posixAclBytes([
      [1, 6],
      [4, 4],
      [0x20, 4],
    ]),
  );
  assert.deepEqual(toGetfaclLines(entries), ['user::rw-', 'group::r--', 'other::r--']);
});

const broken: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['no bytes', Buffer.alloc(0)],
  ['another version', u32(3)],
  ['half an entry', Buffer.concat([posixAclBytes([[1, 7]]), Buffer.alloc(4)])],
  ['an unknown tag', posixAclBytes([[3, 7]])],
];
for (const [name, bytes] of broken) {
  test(`no POSIX ACL: ${name}`, () => {
    assert.throws(() => readPosixAcl(bytes), AclFormatError);
  });
}
