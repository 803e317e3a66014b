import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chance, chanceFor } from '../../../test/support/chance.ts';
import { interpret } from '../../src/acl/file-acls.ts';
import { toGetfaclLines } from '../../src/acl/posix-acl.ts';
import { toSddl } from '../../src/acl/sddl.ts';
import { aceBytes, aclBytes, descriptorBytes, posixAclBytes, sambaBytes, sidBytes, u32 } from './descriptor-bytes.ts';

const sid = sidBytes(5, 21, 1, 2, 3, 4);
const parts = {
  control: 0x8014,
  owner: sid,
  group: sid,
  sacl: aclBytes([aceBytes(0x11, 0, [u32(1), sidBytes(16, 4096)]), aceBytes(0x12, 0, [u32(0), sid, Buffer.alloc(24, 1)])]),
  dacl: aclBytes([aceBytes(5, 3, [u32(16), u32(3), Buffer.alloc(32, 7), sid]), aceBytes(9, 0, [u32(1), sid, Buffer.from('artx')])], 4),
};
const seeds: readonly (readonly [attribute: string, bytes: Buffer])[] = [
  ['system.ntfs_acl', descriptorBytes(parts)],
  [
    'system.cifs_ntsd_full',
    descriptorBytes({ ...parts, dacl: aclBytes(Array.from({ length: 40 }, () => aceBytes(0, 0, [u32(-1 >>> 0), sid]))) }),
  ],
  ...[1, 2, 3, 4].map((version): readonly [string, Buffer] => ['security.NTACL', sambaBytes(version, parts)]),
  [
    'system.posix_acl_access',
    posixAclBytes([
      [1, 7],
      [2, 5, 1000],
      [4, 5],
      [8, 6, 50],
      [0x10, 5],
      [0x20, 0],
    ]),
  ],
];

/** Reads and shows it, as the command would; only our own error may be met, and `interpret` answers that. */
function show(attribute: string, bytes: Buffer): string {
  const shown = interpret(attribute, bytes);
  if (shown.kind === 'Windows') return shown.descriptor === undefined ? '' : toSddl(shown.descriptor);
  if (shown.kind === 'Posix') return toGetfaclLines(shown.entries).join('\n');
  return shown.problem;
}

function mutate(bytes: Buffer, chance: Chance): Buffer {
  const mutated = Buffer.from(bytes);
  for (let count = 1 + chance.index(4); count > 0; count -= 1) {
    const values = [0, 1, 0x7f, 0x80, 0xff, chance.index(256)];
    mutated[chance.index(mutated.length)] = values[chance.index(values.length)] ?? 0;
  }
  return chance.fraction() < 0.3 ? mutated.subarray(0, chance.index(mutated.length + 1)) : mutated;
}

test('whatever bytes an attribute holds, they are shown or called broken', (t) => {
  const chance = chanceFor(t);
  let shownCount = 0;
  for (let round = 0; round < 10_000; round += 1) {
    for (const [attribute, bytes] of seeds) {
      const mutated = mutate(bytes, chance);
      if (interpret(attribute, mutated).kind !== 'Unreadable') shownCount += 1;
      show(attribute, mutated);
    }
    const [attribute] = seeds[chance.index(seeds.length)] ?? [''];
    show(attribute, Buffer.from(Array.from({ length: chance.index(200) }, () => chance.index(256))));
  }
  assert.ok(shownCount > 5_000, `only ${shownCount} were still readable: the mutations reach nothing`);
});

test('the largest attribute there can be is shown in a moment, also when it counts itself again and again', () => {
  // 64 KiB is the kernel's limit; each part claims to be as long and as many as it can.
  const entries = Array.from({ length: 2_700 }, () => aceBytes(0, 0, [u32(0), sidBytes(5, 1, 2)]));
  const dacl = aclBytes(entries);
  const whole = descriptorBytes({ control: 0x8014, sacl: dacl, dacl: aclBytes([]) });
  // Both ACLs are the one large one.
  whole.writeUInt32LE(whole.readUInt32LE(12), 16);
  assert.ok(whole.length > 64_000);
  const began = performance.now();
  assert.ok(show('system.cifs_ntsd_full', whole).length > 80_000);
  assert.ok(performance.now() - began < 2_000);
});
