/** Builds stored forms of ACLs byte by byte, from their published layouts: what the readers are tested with. */

export function sidBytes(authority: number, ...parts: readonly number[]): Buffer {
  const head = Buffer.from([1, parts.length, 0, 0, 0, 0, 0, 0]);
  head.writeUIntBE(authority, 2, 6);
  return Buffer.concat([head, ...parts.map(u32)]);
}

export function aceBytes(type: number, flags: number, body: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(body);
  return Buffer.concat([Buffer.from([type, flags]), u16(4 + whole.length), whole]);
}

export function aclBytes(entries: readonly Buffer[], revision = 2): Buffer {
  const whole = Buffer.concat(entries);
  return Buffer.concat([Buffer.from([revision, 0]), u16(8 + whole.length), u16(entries.length), u16(0), whole]);
}

export interface DescriptorParts {
  readonly control: number;
  readonly owner?: Buffer;
  readonly group?: Buffer;
  readonly sacl?: Buffer;
  readonly dacl?: Buffer;
}

/** @param headAt where it will lie in what holds it: its offsets count from the beginning of that */
export function descriptorBytes({ control, owner, group, sacl, dacl }: DescriptorParts, headAt = 0): Buffer {
  let next = headAt + 20;
  const offsets = [owner, group, sacl, dacl].map((part) => {
    const offset = part === undefined ? 0 : next;
    next += part?.length ?? 0;
    return u32(offset);
  });
  const parts = [owner, group, sacl, dacl].filter((part) => part !== undefined);
  return Buffer.concat([Buffer.from([1, 0]), u16(control), ...offsets, ...parts]);
}

/** security.NTACL as Samba writes it. */
export function sambaBytes(version: number, parts: DescriptorParts): Buffer {
  const hash = Buffer.alloc(64, 0xaa);
  const head = Buffer.concat([u16(version), u16(version), u32(0x0002_0000)]);
  const pointer = u32(0x0002_0004);
  const wraps: Readonly<Record<number, readonly Buffer[]>> = {
    1: [],
    2: [pointer, hash.subarray(0, 16)],
    3: [pointer, u16(1), hash, Buffer.alloc(2)],
    4: [pointer, u16(1), hash, Buffer.from('posix_acl\0'), Buffer.alloc(8, 0xbb), hash],
  };
  const wrapped = Buffer.concat([head, ...(wraps[version] ?? [])]);
  return Buffer.concat([wrapped, descriptorBytes(parts, wrapped.length)]);
}

/** system.posix_acl_access: entries of tag, permissions and id. */
export function posixAclBytes(entries: readonly (readonly [tag: number, permissions: number, id?: number])[]): Buffer {
  return Buffer.concat([
    u32(2),
    ...entries.map(([tag, permissions, id = 0xffff_ffff]) => Buffer.concat([u16(tag), u16(permissions), u32(id)])),
  ]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
