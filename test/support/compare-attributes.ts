import assert from 'node:assert/strict';
import { execute } from './programs.ts';

/**
 * Fails when two trees differ in extended attributes, ACLs and capabilities among them. Read by the program getfattr, so it shares
 * nothing with the engine; for trees of ordinary depth. `assertSameTree` compares all the rest.
 */
export async function assertSameAttributes(actual: string, expected: string): Promise<void> {
  assert.deepEqual(await attributesBelow(actual), await attributesBelow(expected));
}

/** What the system keeps for itself: labels, and the second face of ACLs on XFS. */
const notData = '^security\\.selinux=|^trusted\\.SGI_ACL_';

/** Of every entry that has any, by its path below the top: each attribute with its value in hexadecimal digits. */
export async function attributesBelow(top: string): Promise<Readonly<Record<string, readonly string[]>>> {
  // -h: of links themselves; -P: no link is followed; every namespace, not only user.*.
  const listed = await execute('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', top]);
  const entries = listed.split('\n\n').flatMap((block) => {
    const [head = '', ...attributes] = block.split('\n').filter((line) => line !== '');
    const kept = attributes.filter((line) => !new RegExp(notData).test(line)).sort();
    return kept.length === 0 ? [] : [[`.${head.replace('# file: ', '').slice(top.length)}`, kept] as const];
  });
  return Object.fromEntries(entries);
}
