import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type AgentRoot, nodeAgentStatus } from '@smartcopy/crds';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { RootTable } from '../../src/assignments/root-table.ts';
import { HostFiles } from '../../src/system/host-files.ts';
import { readMounts } from '../../src/system/mounts.ts';
import { silentFileSystem } from '../system/silent-file-system.ts';

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
  assert.deepEqual([table.find(root)?.path, table.find(root)?.isReadOnly], [root.path, false]);
  assert.equal(await stateAfter(() => rmSync(root.path, { recursive: true })), 'Missing');
  assert.equal(table.find(root), undefined);
});

test('roots that hang keep no other from being looked at, and are looked at again when they answer', async (t) => {
  const silent = await silentFileSystem(t);
  if (silent === undefined) return;
  const disk = { alias: 'disk', hostPath: '/mnt/disk', path: join(await temporaryFolder(t), 'disk') };
  // As many as Node has threads for calls of file systems.
  const hanging = Array.from({ length: 4 }, (_, index) => ({ alias: `a${index}`, hostPath: '/mnt', path: join(silent.path, `${index}`) }));
  const table = new RootTable([...hanging, disk]);
  for (let round = 0; round < 5; round += 1) {
    const atMs = performance.now();
    await table.look();
    assert.ok(performance.now() - atMs < 3_500);
  }
  assert.equal(table.reports()[4]?.message, `${disk.path}: it does not exist`);
  assert.equal(await Promise.race([table.whenAnswered(), setTimeout(100, 'waits')]), 'waits');
  mkdirSync(disk.path);
  await table.look();
  const silence = hanging.map(({ path }) => `${path}: its file system does not answer`);
  assert.deepEqual(
    table.reports().map(({ message }) => message),
    [...silence, undefined],
  );
  silent.give();
  await table.whenAnswered();
  assert.deepEqual(
    table.reports().map(({ message }) => message),
    [...hanging.map(({ path }) => `${path}: ENOTCONN`), undefined],
  );
});

test('a root is not reached over a symbolic link, wherever that stands in its path', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, 'there/below'), { recursive: true });
  symlinkSync('there', join(folder, 'link'));
  const paths = [`${folder}/link`, `${folder}/link/below`, `${folder}/link/../there/below`, `${folder}//there/./below/`];
  const table = new RootTable(paths.map((path, index) => ({ alias: `a${index}`, hostPath: '/mnt', path })));
  await table.look();
  const sentence = 'a symbolic link stands in its path; name the directory itself';
  assert.deepEqual(
    table.reports().map(({ state, message }) => [state, message]),
    [
      ['Missing', `${paths[0]}: ${sentence}`],
      ['Missing', `${paths[1]}: ${sentence}`],
      ['Ready', undefined],
      ['Ready', undefined],
    ],
  );
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
