import { AclFormatError, ByteReader } from './byte-reader.ts';

/** One entry of a POSIX ACL, as the kernel hands it out (linux/posix_acl_xattr.h). */
export interface PosixAclEntry {
  readonly tag: 'user' | 'group' | 'mask' | 'other';
  /** Of a named user or group; absent for the owner, the owning group, the mask and others. */
  readonly id?: number;
  /** `r-x` */
  readonly permissions: string;
}

const version = 2;
const headLength = 4;
const entryLength = 8;
const tags: Readonly<Record<number, { readonly tag: PosixAclEntry['tag']; readonly isNamed?: true }>> = {
  1: { tag: 'user' },
  2: { tag: 'user', isNamed: true },
  4: { tag: 'group' },
  8: { tag: 'group', isNamed: true },
  16: { tag: 'mask' },
  32: { tag: 'other' },
};

/** @throws AclFormatError for bytes that are no POSIX ACL */
export function readPosixAcl(bytes: Uint8Array): readonly PosixAclEntry[] {
  const reader = new ByteReader(bytes);
  const found = reader.u32(0, 'the version of a POSIX ACL');
  if (found !== version) throw new AclFormatError(`a POSIX ACL of version ${found}; only ${version} is known`);
  if ((reader.length - headLength) % entryLength !== 0)
    throw new AclFormatError(`a POSIX ACL of ${reader.length} bytes, which ends within an entry`);
  return Array.from({ length: (reader.length - headLength) / entryLength }, (_, index) =>
    readEntry(reader, headLength + index * entryLength),
  );
}

function readEntry(reader: ByteReader, at: number): PosixAclEntry {
  const code = reader.u16(at, 'the tag of an entry');
  const kind = tags[code];
  if (kind === undefined) throw new AclFormatError(`an entry of the unknown tag ${code}`);
  const bits = reader.u16(at + 2, 'the permissions of an entry');
  const id = reader.u32(at + 4, 'the user or group of an entry');
  const permissions = [...'rwx'].map((letter, index) => ((bits & (4 >> index)) === 0 ? '-' : letter)).join('');
  return { tag: kind.tag, ...(kind.isNamed === true ? { id } : {}), permissions };
}

/**
 * The lines that `getfacl -n` prints for these entries: numbers for names, and what the mask leaves of a named entry.
 * @param prefix `default:` for a directory's default ACL
 */
export function toGetfaclLines(entries: readonly PosixAclEntry[], prefix: '' | 'default:' = ''): readonly string[] {
  const mask = entries.find(({ tag }) => tag === 'mask')?.permissions;
  return entries.map(({ tag, id, permissions }) => {
    const isMasked = tag === 'group' || id !== undefined;
    const effective =
      mask === undefined ? permissions : [...permissions].map((letter, index) => (mask[index] === letter ? letter : '-')).join('');
    const remark = isMasked && effective !== permissions ? `\t#effective:${effective}` : '';
    return `${prefix}${tag}:${id ?? ''}:${permissions}${remark}`;
  });
}
