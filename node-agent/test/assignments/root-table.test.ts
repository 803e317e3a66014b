import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AgentRoot, nodeAgentStatus } from '@smartcopy/crds';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { RootTable } from '../../src/assignments/root-table.ts';
import { HostFiles } from '../../src/system/host-files.ts';
import { readMounts } from '../../src/system/mounts.ts';

test('a root is Ready with what it stands on, or Missing with the reason; looking makes none', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, 'there'));
  writeFileSync(join(folder, 'file'), '');
  const roots = ['there', 'file', 'absent'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: join(folder, alias) }));
  const table = new RootTable(roots);
  assert.equal(table.find({ alias: 'there', hostPath: '/mnt/there' }), undefined);

  await table.look();
  const reports = table.reports();
  assert.deepEqual(nodeAgentStatus.shape.roots.parse(reports), reports);
  const [there, file, absent] = reports;
  assert.deepEqual(
    [there?.state, there?.readOnly, typeof there?.fileSystem, typeof there?.storage, typeof there?.reflink],
    ['Ready', false, 'string', 'string', 'string'],
  );
  assert.deepEqual([file?.state, file?.message], ['Missing', `${folder}/file: it is no directory`]);
  assert.deepEqual([absent?.state, absent?.message], ['Missing', `${folder}/absent: it does not exist`]);
  assert.equal(existsSync(join(folder, 'absent')), false);
});

test('a root is looked at again: it may be mounted and unmounted', async (t) => {
  const folder = await temporaryFolder(t);
  const root = { alias: 'disk', hostPath: '/mnt/disk', path: join(folder, 'disk') };
  const table = new RootTable([root]);
  const stateAfter = async (change: () => void): Promise<AgentRoot['state'] | undefined> => {
    change();
    await table.look();
    return table.reports()[0]?.state;
  };
  assert.equal(await stateAfter(() => undefined), 'Missing');
  assert.equal(await stateAfter(() => mkdirSync(root.path)), 'Ready');
  assert.deepEqual(table.find(root), { path: root.path, isReadOnly: false });
  assert.equal(await stateAfter(() => rmSync(root.path, { recursive: true })), 'Missing');
  assert.equal(table.find(root), undefined);
});

test('an alias alone opens nothing: the directory must be the one that the policy means', async (t) => {
  const path = await temporaryFolder(t);
  const table = new RootTable([{ alias: 'disk', hostPath: '/mnt/disk', path }]);
  await table.look();
  assert.ok(table.find({ alias: 'disk', hostPath: '/mnt/disk' }));
  assert.equal(table.find({ alias: 'disk', hostPath: '/mnt/disk/below' }), undefined);
  assert.equal(table.find({ alias: 'other', hostPath: '/mnt/disk' }), undefined);
});

test('a root that is mounted read-only says so', async (t) => {
  const sealed = readMounts(new HostFiles('/')).find(
    ({ options, mountPoint }) => options.includes('ro') && existsSync(join(mountPoint, '.')),
  );
  if (sealed === undefined) return t.skip('nothing is mounted read-only here');
  const table = new RootTable([{ alias: 'sealed', hostPath: '/mnt/sealed', path: sealed.mountPoint }]);
  await table.look();
  assert.equal(table.reports()[0]?.readOnly, true);
});
