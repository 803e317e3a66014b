import { AclFormatError, type ByteReader } from './byte-reader.ts';

/** Who: a security identifier in its text form, such as `S-1-5-32-544`. */
export type Sid = string;

/** Windows and Samba refuse more. */
const maxSubAuthorityCount = 15;

/** Reads a SID; `lengthBytes` is what it takes of its place. */
export function readSid(reader: ByteReader, offset: number): { readonly sid: Sid; readonly lengthBytes: number } {
  const revision = reader.u8(offset, 'the revision of a SID');
  if (revision !== 1) throw new AclFormatError(`a SID of revision ${revision}; only 1 is known`);
  const count = reader.u8(offset + 1, 'the length of a SID');
  if (count > maxSubAuthorityCount) throw new AclFormatError(`a SID of ${count} parts; ${maxSubAuthorityCount} is the most`);
  const authority = reader.bytes(offset + 2, 6, 'the authority of a SID').readUIntBE(0, 6);
  const parts = Array.from({ length: count }, (_, index) => reader.u32(offset + 8 + 4 * index, 'a part of a SID'));
  // From 2^32 on the authority is written in hexadecimal digits (MS-DTYP 2.4.2.1).
  const head = authority < 2 ** 32 ? String(authority) : `0x${authority.toString(16)}`;
  return { sid: ['S-1', head, ...parts].join('-'), lengthBytes: 8 + 4 * count };
}

interface WellKnown {
  /** The two letters of SDDL, where it has some. */
  readonly alias?: string;
  readonly name: string;
}

/** Those that mean the same everywhere. SIDs of a domain (`S-1-5-21-...`) have letters only inside it, so they stay in full. */
const wellKnown: Readonly<Record<Sid, WellKnown>> = {
  'S-1-0-0': { name: 'Nobody' },
  'S-1-1-0': { alias: 'WD', name: 'Everyone' },
  'S-1-2-0': { name: 'Local' },
  'S-1-3-0': { alias: 'CO', name: 'Creator Owner' },
  'S-1-3-1': { alias: 'CG', name: 'Creator Group' },
  'S-1-3-4': { alias: 'OW', name: 'Owner Rights' },
  'S-1-5-2': { alias: 'NU', name: 'Network' },
  'S-1-5-4': { alias: 'IU', name: 'Interactive' },
  'S-1-5-6': { alias: 'SU', name: 'Service' },
  'S-1-5-7': { alias: 'AN', name: 'Anonymous' },
  'S-1-5-9': { alias: 'ED', name: 'Enterprise Domain Controllers' },
  'S-1-5-10': { alias: 'PS', name: 'Self' },
  'S-1-5-11': { alias: 'AU', name: 'Authenticated Users' },
  'S-1-5-12': { alias: 'RC', name: 'Restricted' },
  'S-1-5-18': { alias: 'SY', name: 'Local System' },
  'S-1-5-19': { alias: 'LS', name: 'Local Service' },
  'S-1-5-20': { alias: 'NS', name: 'Network Service' },
  'S-1-5-33': { alias: 'WR', name: 'Write Restricted' },
  'S-1-5-32-544': { alias: 'BA', name: 'Administrators' },
  'S-1-5-32-545': { alias: 'BU', name: 'Users' },
  'S-1-5-32-546': { alias: 'BG', name: 'Guests' },
  'S-1-5-32-547': { alias: 'PU', name: 'Power Users' },
  'S-1-5-32-548': { alias: 'AO', name: 'Account Operators' },
  'S-1-5-32-549': { alias: 'SO', name: 'Server Operators' },
  'S-1-5-32-550': { alias: 'PO', name: 'Print Operators' },
  'S-1-5-32-551': { alias: 'BO', name: 'Backup Operators' },
  'S-1-5-32-552': { alias: 'RE', name: 'Replicator' },
  'S-1-5-32-554': { alias: 'RU', name: 'Pre-Windows 2000 Compatible Access' },
  'S-1-5-32-555': { alias: 'RD', name: 'Remote Desktop Users' },
  'S-1-5-32-556': { alias: 'NO', name: 'Network Configuration Operators' },
  'S-1-5-32-558': { alias: 'MU', name: 'Performance Monitor Users' },
  'S-1-5-32-559': { alias: 'LU', name: 'Performance Log Users' },
  'S-1-5-32-568': { alias: 'IS', name: 'IIS Users' },
  'S-1-5-32-569': { alias: 'CY', name: 'Cryptographic Operators' },
  'S-1-5-32-573': { alias: 'ER', name: 'Event Log Readers' },
  'S-1-5-32-574': { alias: 'CD', name: 'Certificate Service DCOM Access' },
  'S-1-5-32-575': { alias: 'RA', name: 'RDS Remote Access Servers' },
  'S-1-5-32-576': { alias: 'ES', name: 'RDS Endpoint Servers' },
  'S-1-5-32-577': { alias: 'MS', name: 'RDS Management Servers' },
  'S-1-5-32-578': { alias: 'HA', name: 'Hyper-V Administrators' },
  'S-1-5-32-579': { alias: 'AA', name: 'Access Control Assistance Operators' },
  'S-1-5-32-580': { alias: 'RM', name: 'Remote Management Users' },
  'S-1-5-84-0-0-0-0-0': { alias: 'UD', name: 'User Mode Drivers' },
  'S-1-15-2-1': { alias: 'AC', name: 'All Application Packages' },
  'S-1-16-0': { name: 'Untrusted Mandatory Level' },
  'S-1-16-4096': { alias: 'LW', name: 'Low Mandatory Level' },
  'S-1-16-8192': { alias: 'ME', name: 'Medium Mandatory Level' },
  'S-1-16-8448': { alias: 'MP', name: 'Medium Plus Mandatory Level' },
  'S-1-16-12288': { alias: 'HI', name: 'High Mandatory Level' },
  'S-1-16-16384': { alias: 'SI', name: 'System Mandatory Level' },
};

/** As SDDL writes it: two letters, or the SID itself. */
export function sidToSddl(sid: Sid): string {
  return wellKnown[sid]?.alias ?? sid;
}

/** As a person knows it. Samba's own SIDs hold the number of a Unix user or group; any other unknown SID has no name here. */
export function nameOfSid(sid: Sid): string | undefined {
  const [, kind, id] = /^S-1-22-([12])-(\d+)$/.exec(sid) ?? [];
  if (kind !== undefined) return `Unix ${kind === '1' ? 'user' : 'group'} ${id}`;
  return wellKnown[sid]?.name;
}
