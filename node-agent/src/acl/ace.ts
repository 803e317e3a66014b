import { AclFormatError, type ByteReader } from './byte-reader.ts';
import { readSid, type Sid } from './sid.ts';

/** One entry of an ACL. */
export interface Ace {
  /** The number of its type (MS-DTYP 2.4.4.1). */
  readonly type: number;
  readonly flags: number;
  /** Absent for a type that is not known. */
  readonly mask?: number;
  readonly sid?: Sid;
  /** Of object ACEs: for which property, and in which kind of object it is inherited. */
  readonly objectType?: string;
  readonly inheritedObjectType?: string;
  /** What follows: a condition, a resource attribute; of an unknown type all there is. As it is stored. */
  readonly data?: Buffer;
}

/** The kinds of ACE by number: their letters in SDDL, and whether they name object types. */
export const aceTypes: Readonly<Record<number, { readonly letters: string; readonly isObject?: true }>> = {
  0: { letters: 'A' },
  1: { letters: 'D' },
  2: { letters: 'AU' },
  3: { letters: 'AL' },
  5: { letters: 'OA', isObject: true },
  6: { letters: 'OD', isObject: true },
  7: { letters: 'OU', isObject: true },
  8: { letters: 'OL', isObject: true },
  9: { letters: 'XA' },
  10: { letters: 'XD' },
  11: { letters: 'ZA', isObject: true },
  12: { letters: 'ZD', isObject: true },
  13: { letters: 'XU' },
  15: { letters: 'ZU', isObject: true },
  17: { letters: 'ML' },
  18: { letters: 'RA' },
  19: { letters: 'SP' },
  20: { letters: 'TL' },
  21: { letters: 'FL' },
};

const headLength = 4;
const guidLength = 16;

/** Reads the entry at `offset`; `lengthBytes` is what it takes of its ACL. */
export function readAce(acl: ByteReader, offset: number): { readonly ace: Ace; readonly lengthBytes: number } {
  const type = acl.u8(offset, 'the type of an ACE');
  const flags = acl.u8(offset + 1, 'the flags of an ACE');
  const lengthBytes = acl.u16(offset + 2, 'the length of an ACE');
  // Also what keeps a walk over the entries from standing still.
  if (lengthBytes < headLength) throw new AclFormatError(`an ACE of ${lengthBytes} bytes; its head alone has ${headLength}`);
  const body = acl.part(offset, lengthBytes, 'an ACE');
  const kind = aceTypes[type];
  if (kind === undefined) return { ace: { type, flags, ...dataFrom(body, headLength) }, lengthBytes };
  const mask = body.u32(4, 'the rights of an ACE');
  const object = kind.isObject === true ? readObjectTypes(body) : { at: 8, types: {} };
  const { sid, lengthBytes: sidLength } = readSid(body, object.at);
  return { ace: { type, flags, mask, sid, ...object.types, ...dataFrom(body, object.at + sidLength) }, lengthBytes };
}

type ObjectTypes = Pick<Ace, 'objectType' | 'inheritedObjectType'>;

function readObjectTypes(body: ByteReader): { readonly at: number; readonly types: ObjectTypes } {
  const present = body.u32(8, 'the flags of an object ACE');
  let at = 12;
  const next = (bit: number): string | undefined => {
    if ((present & bit) === 0) return undefined;
    const guid = readGuid(body.bytes(at, guidLength, 'the object type of an ACE'));
    at += guidLength;
    return guid;
  };
  const [objectType, inheritedObjectType] = [next(1), next(2)];
  const types = {
    ...(objectType === undefined ? {} : { objectType }),
    ...(inheritedObjectType === undefined ? {} : { inheritedObjectType }),
  };
  return { at, types };
}

/** The first three parts are little-endian numbers, the rest are bytes (MS-DTYP 2.3.4). */
function readGuid(bytes: Buffer): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  const numbers = [hex(bytes.readUInt32LE(0), 8), hex(bytes.readUInt16LE(4), 4), hex(bytes.readUInt16LE(6), 4)];
  return [...numbers, bytes.toString('hex', 8, 10), bytes.toString('hex', 10)].join('-');
}

function dataFrom(body: ByteReader, offset: number): Pick<Ace, 'data'> {
  return offset === body.length
    ? {}
    : { data: body.from(offset, 'the data of an ACE').bytes(0, body.length - offset, 'the data of an ACE') };
}
