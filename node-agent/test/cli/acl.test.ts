import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { aceBytes, aclBytes, sambaBytes, sidBytes, u32 } from '../acl/descriptor-bytes.ts';
import { runCli, temporaryDirectory } from './run-cli.ts';

/** Sets an attribute by a program of the system; false, and the test is skipped, where that cannot be done. */
function setAttribute(t: TestContext, file: string, name: string, value: Buffer): boolean {
  const { status, stderr, error } = spawnSync('setfattr', ['-n', name, '-v', `0x${value.toString('hex')}`, file], { encoding: 'utf8' });
  if (status === 0) return true;
  t.skip(`setfattr cannot set ${name} here: ${error?.message ?? stderr.trim()}`);
  return false;
}

const everyone = sidBytes(1, 0);
const descriptor = { control: 0x8004, owner: sidBytes(5, 32, 544), dacl: aclBytes([aceBytes(0, 0, [u32(0x120089), everyone])]) };

test('acl --show prints the descriptor that Samba keeps, as SDDL and row by row', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, 'x');
  if (!setAttribute(t, file, 'security.NTACL', sambaBytes(4, descriptor))) return;
  const { status, stdout, stderr } = await runCli(['acl', '--show', file]);
  assert.equal(status, 0, stderr);
  assert.equal(
    stdout,
    [
      file,
      '  security.NTACL (Samba, version 4, posix_acl)',
      '    O:BAD:(A;;FR;;;WD)',
      '    owner  S-1-5-32-544  Administrators',
      '    dacl  (A;;FR;;;WD)  Everyone',
      '',
    ].join('\n'),
  );
  const json = JSON.parse((await runCli(['acl', '--show', '--json', file])).stdout);
  assert.deepEqual(json.files[0].acls, [
    {
      attribute: 'security.NTACL',
      kind: 'Windows',
      origin: 'Samba, version 4, posix_acl',
      sddl: 'O:BAD:(A;;FR;;;WD)',
      owner: 'S-1-5-32-544',
    },
  ]);
});

test('acl --show prints POSIX ACLs as getfacl does', async (t) => {
  const directory = join(temporaryDirectory(t), 'directory');
  mkdirSync(directory);
  const made = spawnSync('setfacl', ['-m', 'u:1234:rwx,g:55:r,m:rx,d:u:1234:rwx', directory], { encoding: 'utf8' });
  if (made.status !== 0) return t.skip(`setfacl cannot set an ACL here: ${made.error?.message ?? made.stderr.trim()}`);
  const expected = execFileSync('getfacl', ['-n', '-c', '-p', directory], { encoding: 'utf8' }).trim();
  const { status, stdout, stderr } = await runCli(['acl', '--show', directory]);
  assert.equal(status, 0, stderr);
  const shown = stdout.split('\n').filter((line) => line.startsWith('    '));
  // getfacl puts its remarks in a column of its own.
  const trim = (lines: readonly string[]): readonly string[] => lines.map((line) => line.trim().replace(/\s+#/, ' #'));
  assert.deepEqual(trim(shown), trim(expected.split('\n')));
});

test('a broken attribute is called broken, with its bytes, and the exit status says so', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, 'x');
  if (!setAttribute(t, file, 'security.NTACL', Buffer.from([4, 0, 4, 0, 1, 0]))) return;
  const { status, stdout } = await runCli(['acl', '--show', '--json', file]);
  assert.equal(status, 1);
  const [{ kind, problem, base64 }] = JSON.parse(stdout).files[0].acls;
  assert.deepEqual([kind, base64], ['Unreadable', Buffer.from([4, 0, 4, 0, 1, 0]).toString('base64')]);
  assert.match(problem, /the pointer to the content: 4 bytes at 4 lie outside the 6/);
});

test('a file without ACLs, one that is missing, and a forgotten --show', async (t) => {
  const file = join(temporaryDirectory(t), 'plain');
  writeFileSync(file, 'x');
  assert.equal((await runCli(['acl', '--show', file])).stdout, `${file}\n  no ACL: its mode says all\n`);
  const missing = await runCli(['acl', '--show', `${file}-missing`]);
  assert.deepEqual([missing.status, missing.stdout], [2, '']);
  assert.match(missing.stderr, /plain-missing cannot be looked at: getxattr: ENOENT/);
  const forgotten = await runCli(['acl', file]);
  assert.equal(forgotten.status, 2);
  assert.match(forgotten.stderr, /acl --show FILE/);
});
