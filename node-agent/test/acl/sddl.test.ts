import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AclFormatError } from '../../src/acl/byte-reader.ts';
import { readSambaNtAcl } from '../../src/acl/samba-xattr.ts';
import { toSddl } from '../../src/acl/sddl.ts';
import { readSecurityDescriptor } from '../../src/acl/security-descriptor.ts';
import { nameOfSid } from '../../src/acl/sid.ts';
import { aceBytes, aclBytes, type DescriptorParts, descriptorBytes, sambaBytes, sidBytes, u32 } from './descriptor-bytes.ts';

const administrators = sidBytes(5, 32, 544);
const users = sidBytes(5, 32, 545);
const everyone = sidBytes(1, 0);
const creator = sidBytes(3, 0);
const someone = sidBytes(5, 21, 1111, 2222, 3333, 1000);
const control = 0x8004;
const allow = (mask: number, sid: Buffer, flags = 0): Buffer => aceBytes(0, flags, [u32(mask), sid]);
const propertyGuid = Buffer.from('f80d1ab5c4 3afd40 9b2e 00c04fc2d4cf'.replaceAll(' ', ''), 'hex').subarray(0, 16);

const cases: readonly (readonly [name: string, sddl: string, parts: DescriptorParts])[] = [
  ['nothing but an owner', 'O:BA', { control: 0x8000, owner: administrators }],
  ['a SID that has no letters', 'O:S-1-5-21-1111-2222-3333-1000G:BU', { control: 0x8000, owner: someone, group: users }],
  ['a Unix user of Samba', 'O:S-1-22-1-1000', { control: 0x8000, owner: sidBytes(22, 1, 1000) }],
  ['an authority beyond 32 bits', 'O:S-1-0x123456789abc-7', { control: 0x8000, owner: sidBytes(0x123456789abc, 7) }],
  ['a missing DACL: everybody may do everything', 'D:NO_ACCESS_CONTROL', { control }],
  ['an empty DACL: nobody may do anything', 'O:BAD:', { control, owner: administrators, dacl: aclBytes([]) }],
  [
    'words for what files mostly have',
    'D:(A;;FA;;;BA)(A;;FR;;;WD)(A;;FX;;;BU)(A;;FW;;;CO)',
    {
      control,
      dacl: aclBytes([allow(0x1f01ff, administrators), allow(0x120089, everyone), allow(0x1200a0, users), allow(0x120116, creator)]),
    },
  ],
  [
    'letters where they say all, else the number',
    'D:(A;;CCLCRPRC;;;BU)(A;;0x1200a9;;;BU)(A;;GAGR;;;BU)',
    {
      control,
      dacl: aclBytes([allow(0x20015, users), allow(0x1200a9, users), allow(0x90000000, users)]),
    },
  ],
  [
    'flags of inheritance',
    'D:PARAI(A;OICINPIOID;FA;;;CO)',
    { control: control | 0x1500, dacl: aclBytes([allow(0x1f01ff, creator, 0x1f)]) },
  ],
  [
    'deny before allow, in the stored order',
    'D:(D;;FA;;;WD)(A;;FA;;;BA)',
    {
      control,
      dacl: aclBytes([aceBytes(1, 0, [u32(0x1f01ff), everyone]), allow(0x1f01ff, administrators)]),
    },
  ],
  [
    'an audit entry and a mandatory label in the SACL',
    'S:PAI(AU;SAFA;FA;;;WD)(ML;;NWNR;;;HI)',
    {
      control: 0x8010 | 0x2800,
      sacl: aclBytes([aceBytes(2, 0xc0, [u32(0x1f01ff), everyone]), aceBytes(0x11, 0, [u32(3), sidBytes(16, 12288)])]),
    },
  ],
  [
    'an object entry with both types',
    'D:(OA;CI;RPWP;b51a0df8-3ac4-40fd-9b2e-00c04fc2d4cf;b51a0df8-3ac4-40fd-9b2e-00c04fc2d4cf;PS)',
    {
      control,
      dacl: aclBytes([aceBytes(5, 2, [u32(0x30), u32(3), propertyGuid, propertyGuid, sidBytes(5, 10)])], 4),
    },
  ],
  [
    'an object entry with the inherited type alone, and with none',
    'D:(OD;;RP;;b51a0df8-3ac4-40fd-9b2e-00c04fc2d4cf;AU)(OA;;RP;;;AU)',
    {
      control,
      dacl: aclBytes(
        [aceBytes(6, 0, [u32(0x10), u32(2), propertyGuid, sidBytes(5, 11)]), aceBytes(5, 0, [u32(0x10), u32(0), sidBytes(5, 11)])],
        4,
      ),
    },
  ],
  [
    'a condition stays as its bytes',
    'D:(XA;;FX;;;WD;#6172747801020304)',
    {
      control,
      dacl: aclBytes([aceBytes(9, 0, [u32(0x1200a0), everyone, Buffer.from('6172747801020304', 'hex')])]),
    },
  ],
  ['a type that nobody knows', 'D:(0x42;OI;;;;;#01020304)', { control, dacl: aclBytes([aceBytes(0x42, 1, [Buffer.from([1, 2, 3, 4])])]) }],
];
for (const [name, sddl, parts] of cases) {
  test(`a security descriptor as SDDL: ${name}`, () => {
    assert.equal(toSddl(readSecurityDescriptor(descriptorBytes(parts))), sddl);
  });
}

const common: DescriptorParts = { control, owner: someone, group: users, dacl: aclBytes([allow(0x1f01ff, someone, 3)]) };
const commonSddl = 'O:S-1-5-21-1111-2222-3333-1000G:BUD:(A;OICI;FA;;;S-1-5-21-1111-2222-3333-1000)';

for (const version of [1, 2, 3, 4]) {
  test(`Samba's attribute of version ${version}`, () => {
    const read = readSambaNtAcl(sambaBytes(version, common));
    assert.equal(read.version, version);
    assert.equal(read.descriptor === undefined ? '' : toSddl(read.descriptor), commonSddl);
    assert.equal(read.description, version === 4 ? 'posix_acl' : undefined);
  });
}

test("Samba's attribute without a descriptor", () => {
  assert.deepEqual(readSambaNtAcl(Buffer.concat([u32(0x0001_0001), u32(0)])), { version: 1 });
});

const broken: readonly (readonly [name: string, message: RegExp, read: () => unknown])[] = [
  ['nothing at all', /revision of the security descriptor: 1 bytes at 0/, () => readSecurityDescriptor(Buffer.alloc(0))],
  ['another revision', /of revision 9/, () => readSecurityDescriptor(Buffer.alloc(20, 9))],
  ['pointers instead of offsets', /pointers/, () => readSecurityDescriptor(descriptorBytes({ control: 0 }))],
  [
    'an owner behind the end',
    /revision of a SID/,
    () => readSecurityDescriptor(Buffer.concat([Buffer.from([1, 0, 0, 0x80]), u32(4000), Buffer.alloc(12)])),
  ],
  [
    'an owner in the head',
    /into the head/,
    () => readSecurityDescriptor(Buffer.concat([Buffer.from([1, 0, 0, 0x80]), u32(8), Buffer.alloc(12)])),
  ],
  [
    'a SID of 255 parts',
    /255 parts/,
    () => readSecurityDescriptor(descriptorBytes({ control: 0x8000, owner: Buffer.from([1, 255, 0, 0, 0, 0, 0, 5]) })),
  ],
  [
    'an ACL that is longer than all',
    /an ACL: 65535 bytes/,
    () => readSecurityDescriptor(descriptorBytes({ control, dacl: Buffer.from([2, 0, 0xff, 0xff, 0, 0, 0, 0]) })),
  ],
  [
    'an ACL shorter than its head',
    /an ACL of 4 bytes/,
    () => readSecurityDescriptor(descriptorBytes({ control, dacl: Buffer.from([2, 0, 4, 0, 1, 0, 0, 0]) })),
  ],
  [
    'more entries than there are bytes',
    /the type of an ACE/,
    () => readSecurityDescriptor(descriptorBytes({ control, dacl: Buffer.from([2, 0, 8, 0, 0xff, 0xff, 0, 0]) })),
  ],
  [
    'an entry of no length',
    /an ACE of 0 bytes/,
    () => readSecurityDescriptor(descriptorBytes({ control, dacl: Buffer.from([2, 0, 16, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) })),
  ],
  ['a version that is unlike itself', /as another number/, () => readSambaNtAcl(u32(0x0003_0004))],
  ['a version of tomorrow', /version 5/, () => readSambaNtAcl(Buffer.concat([u32(0x0005_0005), u32(1)]))],
  [
    'a description without end',
    /without end/,
    () => readSambaNtAcl(Buffer.concat([u32(0x0004_0004), u32(1), u32(1), Buffer.alloc(90, 0x61)])),
  ],
];
for (const [name, message, read] of broken) {
  test(`refused: ${name}`, () => {
    assert.throws(read, (error) => error instanceof AclFormatError && message.test(error.message));
  });
}

test('SIDs have the names that are the same everywhere', () => {
  assert.deepEqual(['S-1-5-32-544', 'S-1-22-2-50', 'S-1-5-21-1-2-3-500'].map(nameOfSid), ['Administrators', 'Unix group 50', undefined]);
});
