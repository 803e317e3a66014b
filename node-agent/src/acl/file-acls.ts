import { readXattr } from '@smartcopy/native';
import { AclFormatError } from './byte-reader.ts';
import { type PosixAclEntry, readPosixAcl } from './posix-acl.ts';
import { readSambaNtAcl } from './samba-xattr.ts';
import { readSecurityDescriptor, type SecurityDescriptor } from './security-descriptor.ts';

/** What one extended attribute says of who may do what with a file. */
export type FileAcl = { readonly attribute: string } & (
  | { readonly kind: 'Windows'; readonly descriptor?: SecurityDescriptor; readonly origin: string }
  | { readonly kind: 'Posix'; readonly entries: readonly PosixAclEntry[]; readonly isDefault: boolean }
  | { readonly kind: 'Unreadable'; readonly problem: string; readonly bytes?: Buffer }
);

type Reading = (attribute: string, bytes: Buffer) => FileAcl;

/** The attributes that hold an ACL, and how each is read. */
const readings: Readonly<Record<string, Reading>> = {
  'system.posix_acl_access': (attribute, bytes) => ({ attribute, kind: 'Posix', entries: readPosixAcl(bytes), isDefault: false }),
  'system.posix_acl_default': (attribute, bytes) => ({ attribute, kind: 'Posix', entries: readPosixAcl(bytes), isDefault: true }),
  'security.NTACL': (attribute, bytes) => {
    const { version, descriptor, description } = readSambaNtAcl(bytes);
    const origin = `Samba, version ${version}${description === undefined ? '' : `, ${description}`}`;
    return { attribute, kind: 'Windows', ...(descriptor === undefined ? {} : { descriptor }), origin };
  },
  'system.ntfs_acl': (attribute, bytes) => ({ attribute, kind: 'Windows', descriptor: readSecurityDescriptor(bytes), origin: 'NTFS' }),
  'system.cifs_acl': (attribute, bytes) => ({ attribute, kind: 'Windows', descriptor: readSecurityDescriptor(bytes), origin: 'SMB' }),
  'system.cifs_ntsd': (attribute, bytes) => ({ attribute, kind: 'Windows', descriptor: readSecurityDescriptor(bytes), origin: 'SMB' }),
  'system.cifs_ntsd_full': (attribute, bytes) => ({ attribute, kind: 'Windows', descriptor: readSecurityDescriptor(bytes), origin: 'SMB' }),
};

/**
 * Every ACL of a file that Linux can see. Attributes are asked for by name, because most of these are never listed.
 * @param path links are followed
 * @throws NativeIoError when the file itself cannot be looked at
 */
export function readFileAcls(path: Uint8Array): readonly FileAcl[] {
  return Object.entries(readings).flatMap(([attribute, read]) => {
    const bytes = readAttribute(path, attribute);
    if (bytes === undefined) return [];
    return [Buffer.isBuffer(bytes) ? interpret(attribute, bytes, read) : { attribute, kind: 'Unreadable' as const, ...bytes }];
  });
}

/** Reads an attribute's bytes by the attribute's own rules; broken ones are shown as what they are. */
export function interpret(attribute: string, bytes: Buffer, read: Reading | undefined = readings[attribute]): FileAcl {
  try {
    return read === undefined ? { attribute, kind: 'Unreadable', problem: 'no attribute of an ACL', bytes } : read(attribute, bytes);
  } catch (error) {
    if (!(error instanceof AclFormatError)) throw error;
    return { attribute, kind: 'Unreadable', problem: error.message, bytes };
  }
}

/** What the system keeps to itself is said of that one attribute; a file that is not there ends it all. */
function readAttribute(path: Uint8Array, attribute: string): Buffer | { readonly problem: string } | undefined {
  try {
    return readXattr(path, attribute);
  } catch (error) {
    if (
      error instanceof Error &&
      'errno' in error &&
      typeof error.errno === 'string' &&
      !['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.errno)
    )
      return { problem: error.message };
    throw error;
  }
}
