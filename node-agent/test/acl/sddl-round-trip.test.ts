import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chance, chanceFor } from '../../../test/support/chance.ts';
import { oneOf } from '../../../test/support/made-text.ts';
import { toSddl } from '../../src/acl/sddl.ts';
import { readSecurityDescriptor } from '../../src/acl/security-descriptor.ts';
import { aceBytes, aclBytes, descriptorBytes, sidBytes, u32 } from './descriptor-bytes.ts';

// Descriptors are made by chance, stored, read, shown as SDDL, and what is shown is read here apart from the code: it must be what was made.

interface MadeAce {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  readonly sid: readonly number[];
}

/** Sets of letters with their bits, from MS-DTYP 2.5.1. */
const typeLetters = { A: 0, D: 1, AU: 2, AL: 3, ML: 17, SP: 19 };
const flagLetters = { OI: 1, CI: 2, NP: 4, IO: 8, ID: 16, CR: 32, SA: 64, FA: 128 };
const rightLetters = {
  ...{ GA: 0x1000_0000, GX: 0x2000_0000, GW: 0x4000_0000, GR: 0x8000_0000, RC: 0x2_0000, SD: 0x1_0000, WD: 0x4_0000, WO: 0x8_0000 },
  ...{ CC: 1, DC: 2, LC: 4, SW: 8, RP: 0x10, WP: 0x20, DT: 0x40, LO: 0x80, CR: 0x100 },
  ...{ FA: 0x1f_01ff, FR: 0x12_0089, FW: 0x12_0116, FX: 0x12_00a0 },
};
const labelLetters = { NW: 1, NR: 2, NX: 4 };
const sidLetters: Readonly<Record<string, readonly number[]>> = {
  WD: [1, 0],
  SY: [5, 18],
  BA: [5, 32, 544],
  BU: [5, 32, 545],
  CO: [3, 0],
  LW: [16, 4096],
};

/** What letters mean, two at a time, or a number. */
function bitsOf(text: string, letters: Readonly<Record<string, number>>): number {
  if (text.startsWith('0x')) return Number(text);
  return (text.match(/../g) ?? []).reduce((sum, pair) => sum + (letters[pair] ?? Number.NaN), 0);
}

function sidOf(text: string): readonly number[] {
  return sidLetters[text] ?? text.split('-').slice(2).map(Number);
}

function acesOf(text: string): readonly MadeAce[] {
  return Array.from(text.matchAll(/\(([^()]*)\)/g), ([, fields = '']) => {
    const [type = '', flags = '', mask = '', , , sid = ''] = fields.split(';');
    const typeNumber = Object.entries(typeLetters).find(([letters]) => letters === type)?.[1] ?? Number.NaN;
    const rights = typeNumber === 17 ? labelLetters : rightLetters;
    return { type: typeNumber, flags: bitsOf(flags, flagLetters), mask: bitsOf(mask, rights), sid: sidOf(sid) };
  });
}

function anyU32(chance: Chance): number {
  return chance.fraction() < 0.5 ? 2 ** chance.index(32) : chance.index(2 ** 32);
}

function anySid(chance: Chance): readonly number[] {
  if (chance.fraction() < 0.5) return oneOf(chance, Object.values(sidLetters));
  return [chance.index(2 ** 16), ...Array.from({ length: 1 + chance.index(14) }, () => anyU32(chance))];
}

function anyAce(chance: Chance): MadeAce {
  const mask = chance.fraction() < 0.3 ? oneOf(chance, Object.values(rightLetters)) : anyU32(chance);
  return { type: oneOf(chance, Object.values(typeLetters)), flags: chance.index(256), mask, sid: anySid(chance) };
}

function bytesOf(aces: readonly MadeAce[]): Buffer {
  return aclBytes(
    aces.map(({ type, flags, mask, sid: [authority = 0, ...rest] }) => aceBytes(type, flags, [u32(mask), sidBytes(authority, ...rest)])),
  );
}

test('what SDDL shows of any descriptor is what is stored', (t) => {
  const chance = chanceFor(t);
  for (let round = 0; round < 2_000; round += 1) {
    const [owner, group] = [anySid(chance), anySid(chance)];
    const [dacl, sacl] = [0, 0].map(() => Array.from({ length: chance.index(6) }, () => anyAce(chance)));
    const [isProtected, isInherited] = [chance.index(2), chance.index(2)];
    const control = 0x8014 + isProtected * 0x1000 + isInherited * 0x0800;
    const [ownerAuthority = 0, ...ownerRest] = owner;
    const [groupAuthority = 0, ...groupRest] = group;
    const bytes = descriptorBytes({
      control,
      owner: sidBytes(ownerAuthority, ...ownerRest),
      group: sidBytes(groupAuthority, ...groupRest),
      dacl: bytesOf(dacl ?? []),
      sacl: bytesOf(sacl ?? []),
    });
    const shown = toSddl(readSecurityDescriptor(bytes));
    const [, o = '', g = '', d = '', s = ''] = /^O:(.*)G:(.*)D:(.*)S:(.*)$/.exec(shown) ?? [];
    assert.deepEqual([sidOf(o), sidOf(g), acesOf(d), acesOf(s)], [owner, group, dacl, sacl], shown);
    assert.equal(d.replace(/\(.*/, ''), isProtected ? 'P' : '', shown);
    assert.equal(s.replace(/\(.*/, ''), isInherited ? 'AI' : '', shown);
  }
});
