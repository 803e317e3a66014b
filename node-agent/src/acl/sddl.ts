import { type Ace, aceTypes } from './ace.ts';
import { type Acl, controlBits, type SecurityDescriptor } from './security-descriptor.ts';
import { sidToSddl } from './sid.ts';

/**
 * The descriptor in the security descriptor definition language (MS-DTYP 2.5.1). Conditions and resource attributes, which are stored as
 * small programs, stay as they are: `#` and their bytes in hexadecimal digits, in brackets.
 */
export function toSddl({ control, owner, group, dacl, sacl }: SecurityDescriptor): string {
  return [
    ...(owner === undefined ? [] : [`O:${sidToSddl(owner)}`]),
    ...(group === undefined ? [] : [`G:${sidToSddl(group)}`]),
    ...(dacl === undefined ? [] : [`D:${lettersOf(daclFlags, control)}${entriesOf(dacl)}`]),
    ...(sacl === undefined ? [] : [`S:${lettersOf(saclFlags, control)}${entriesOf(sacl)}`]),
  ].join('');
}

type Letters = readonly (readonly [bit: number, letters: string])[];

const daclFlags: Letters = [
  [controlBits.daclProtected, 'P'],
  [controlBits.daclAutoInheritRequired, 'AR'],
  [controlBits.daclAutoInherited, 'AI'],
];
const saclFlags: Letters = [
  [controlBits.saclProtected, 'P'],
  [controlBits.saclAutoInheritRequired, 'AR'],
  [controlBits.saclAutoInherited, 'AI'],
];
const aceFlags: Letters = [
  [0x01, 'OI'],
  [0x02, 'CI'],
  [0x04, 'NP'],
  [0x08, 'IO'],
  [0x10, 'ID'],
  [0x40, 'SA'],
  [0x80, 'FA'],
  [0x20, 'CR'],
];
const rights: Letters = [
  [0x10000000, 'GA'],
  [0x80000000, 'GR'],
  [0x40000000, 'GW'],
  [0x20000000, 'GX'],
  [0x00000001, 'CC'],
  [0x00000002, 'DC'],
  [0x00000004, 'LC'],
  [0x00000008, 'SW'],
  [0x00000010, 'RP'],
  [0x00000020, 'WP'],
  [0x00000040, 'DT'],
  [0x00000080, 'LO'],
  [0x00000100, 'CR'],
  [0x00010000, 'SD'],
  [0x00020000, 'RC'],
  [0x00040000, 'WD'],
  [0x00080000, 'WO'],
];
/** Words of a mandatory label, whose "rights" are what the label keeps others from. */
const labelRights: Letters = [
  [0x1, 'NW'],
  [0x2, 'NR'],
  [0x4, 'NX'],
];
/** What files mostly have, in one word each. */
const fileRights: ReadonlyMap<number, string> = new Map([
  [0x001f01ff, 'FA'],
  [0x00120089, 'FR'],
  [0x00120116, 'FW'],
  [0x001200a0, 'FX'],
]);
const mandatoryLabel = 0x11;

function entriesOf(acl: Acl | null): string {
  return acl === null ? 'NO_ACCESS_CONTROL' : acl.entries.map(aceToSddl).join('');
}

/** One entry, such as `(A;OICI;FA;;;BA)`. */
export function aceToSddl({ type, flags, mask, sid, objectType, inheritedObjectType, data }: Ace): string {
  const fields = [
    aceTypes[type]?.letters ?? hex(type),
    lettersOrNumber(aceFlags, flags),
    mask === undefined ? '' : rightsOf(type, mask),
    objectType ?? '',
    inheritedObjectType ?? '',
    sid === undefined ? '' : sidToSddl(sid),
    ...(data === undefined ? [] : [`#${data.toString('hex')}`]),
  ];
  return `(${fields.join(';')})`;
}

function rightsOf(type: number, mask: number): string {
  if (type === mandatoryLabel) return lettersOrNumber(labelRights, mask);
  return fileRights.get(mask) ?? lettersOrNumber(rights, mask);
}

/** Letters say it only when they say all of it. */
function lettersOrNumber(letters: Letters, value: number): string {
  const known = letters.reduce((sum, [bit]) => sum + bit, 0);
  return (value & ~known) === 0 ? lettersOf(letters, value) : hex(value);
}

function lettersOf(letters: Letters, value: number): string {
  return letters.flatMap(([bit, text]) => ((value & bit) === 0 ? [] : [text])).join('');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
