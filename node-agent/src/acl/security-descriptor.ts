import { type Ace, readAce } from './ace.ts';
import { AclFormatError, ByteReader } from './byte-reader.ts';
import { readSid, type Sid } from './sid.ts';

/** What Windows knows of a file's owner and of who may do what with it (MS-DTYP 2.4.6). */
export interface SecurityDescriptor {
  /** Bits of the control word (SE_*). */
  readonly control: number;
  readonly owner?: Sid;
  readonly group?: Sid;
  /** Absent: the descriptor says nothing of it. `null`: everybody may do everything. Empty: nobody anything. */
  readonly dacl?: Acl | null;
  readonly sacl?: Acl | null;
}

export interface Acl {
  readonly revision: number;
  readonly entries: readonly Ace[];
}

const headLength = 20;
const aclHeadLength = 8;

export const controlBits = {
  daclPresent: 0x0004,
  saclPresent: 0x0010,
  daclAutoInheritRequired: 0x0100,
  saclAutoInheritRequired: 0x0200,
  daclAutoInherited: 0x0400,
  saclAutoInherited: 0x0800,
  daclProtected: 0x1000,
  saclProtected: 0x2000,
  selfRelative: 0x8000,
} as const;

/**
 * Reads a self-relative security descriptor, the form in which it is stored.
 * @param headAt where its head lies; the offsets in it count from the first byte nevertheless
 * @throws AclFormatError for anything else; whatever the bytes are, it takes time that is linear in their number
 */
export function readSecurityDescriptor(bytes: Uint8Array, headAt = 0): SecurityDescriptor {
  const reader = new ByteReader(bytes);
  const revision = reader.u8(headAt, 'the revision of the security descriptor');
  if (revision !== 1) throw new AclFormatError(`a security descriptor of revision ${revision}; only 1 is known`);
  const control = reader.u16(headAt + 2, 'the control word');
  if ((control & controlBits.selfRelative) === 0) throw new AclFormatError('a security descriptor of pointers, which mean nothing on disk');
  const [owner, group, sacl, dacl] = ['owner', 'group', 'SACL', 'DACL'].map((what, index) =>
    reader.u32(headAt + 4 + 4 * index, `the offset of the ${what}`),
  );
  const place = (offset: number | undefined): number | undefined => {
    if (offset === undefined || offset === 0) return undefined;
    if (offset < headAt + headLength) throw new AclFormatError(`an offset of ${offset} points into the head of the security descriptor`);
    return offset;
  };
  const [ownerAt, groupAt] = [place(owner), place(group)];
  const isPresent = (bit: number): boolean => (control & bit) !== 0;
  return {
    control,
    ...(ownerAt === undefined ? {} : { owner: readSid(reader, ownerAt).sid }),
    ...(groupAt === undefined ? {} : { group: readSid(reader, groupAt).sid }),
    ...(isPresent(controlBits.daclPresent) ? { dacl: readAclAt(reader, place(dacl)) } : {}),
    ...(isPresent(controlBits.saclPresent) ? { sacl: readAclAt(reader, place(sacl)) } : {}),
  };
}

function readAclAt(reader: ByteReader, offset: number | undefined): Acl | null {
  return offset === undefined ? null : readAcl(reader, offset);
}

function readAcl(reader: ByteReader, offset: number): Acl {
  const revision = reader.u8(offset, 'the revision of an ACL');
  if (revision !== 2 && revision !== 4) throw new AclFormatError(`an ACL of revision ${revision}; 2 and 4 are known`);
  const length = reader.u16(offset + 2, 'the length of an ACL');
  const count = reader.u16(offset + 4, 'the number of entries of an ACL');
  if (length < aclHeadLength) throw new AclFormatError(`an ACL of ${length} bytes; its head alone has ${aclHeadLength}`);
  const acl = reader.part(offset, length, 'an ACL');
  const entries: Ace[] = [];
  for (let at = aclHeadLength; entries.length < count; ) {
    const { ace, lengthBytes } = readAce(acl, at);
    entries.push(ace);
    at += lengthBytes;
  }
  return { revision, entries };
}
