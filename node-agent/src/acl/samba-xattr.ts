import { AclFormatError, ByteReader } from './byte-reader.ts';
import { readSecurityDescriptor, type SecurityDescriptor } from './security-descriptor.ts';

/** A security descriptor as Samba and ksmbd keep it in security.NTACL. */
export interface SambaNtAcl {
  readonly version: number;
  /** Absent when they kept none. */
  readonly descriptor?: SecurityDescriptor;
  /** What made the hash beside it, such as `posix_acl` (version 4). */
  readonly description?: string;
}

/** Where NDR's pointer to the descriptor lies, behind the version, the version again and the pointer to what follows. */
const bodyAt = 8;
const hashLength = 64;
const oldHashLength = 16;
const hashAt = bodyAt + 4 + 2;
const timeLength = 8;

/**
 * Reads an NDR-packed xattr_NTACL of versions 1 to 4 (Samba's librpc/idl/xattr.idl). The offsets in its descriptor count from the
 * beginning of the attribute.
 * @throws AclFormatError for anything else
 */
export function readSambaNtAcl(bytes: Uint8Array): SambaNtAcl {
  const reader = new ByteReader(bytes);
  const version = reader.u16(0, 'the version of the attribute');
  if (reader.u16(2, 'the version of the attribute, once more') !== version) {
    throw new AclFormatError(`an attribute that gives its version as ${version} and as another number`);
  }
  if (version < 1 || version > 4) throw new AclFormatError(`an attribute of version ${version}; 1 to 4 are known`);
  if (reader.u32(4, 'the pointer to the content') === 0) return { version };
  // Of version 1 the content is the descriptor itself; later ones have a pointer to it, then a hash.
  if (version > 1 && reader.u32(bodyAt, 'the pointer to the descriptor') === 0) return { version };
  const { at, description } = placeOf(version, reader);
  return {
    version,
    descriptor: readSecurityDescriptor(bytes, at),
    ...(description === undefined ? {} : { description }),
  };
}

function placeOf(version: number, reader: ByteReader): { readonly at: number; readonly description?: string } {
  switch (version) {
    case 1:
      return { at: bodyAt };
    case 2:
      return { at: bodyAt + 4 + oldHashLength };
    case 3:
      return { at: aligned(hashAt + hashLength) };
    default: {
      const text = reader.from(hashAt + hashLength, 'the description');
      const whole = text.bytes(0, text.length, 'the description');
      const end = whole.indexOf(0);
      if (end < 0) throw new AclFormatError('a description without end');
      const timeAt = aligned(hashAt + hashLength + end + 1);
      return { at: timeAt + timeLength + hashLength, description: whole.toString('utf8', 0, end) };
    }
  }
}

/** NDR puts numbers of four bytes at multiples of four. */
function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
