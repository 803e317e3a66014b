import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type Cluster, cluster, namespace } from '../support/cluster.ts';
import { execute, lacksProgram } from '../support/programs.ts';
import { plantTree } from '../support/tree.ts';

const everywhere = { matchLabels: { team: namespace } };
const data = { alias: 'data', hostPath: '/mnt/data', access: 'ReadOnly' };
const archive = { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' };

test('setuid bits, special files and privileged attributes are planted only where the policy of the destination says so', {
  skip:
    lacksControlPlane() || lacksProgram('setfattr', 'getfattr', 'mkfifo') || (process.getuid?.() !== 0 && 'setting security.* needs root'),
}, async (t) => {
  const running = await cluster(t, { isOpen: false });
  const top = join(running.pathOf('worker-1', 'data'), 'tree');
  plantTree(top, { program: 'x', file: 'y' });
  chmodSync(join(top, 'program'), 0o6755);
  await execute('mkfifo', [join(top, 'fifo')]);
  for (const name of ['security.note', 'trusted.note', 'user.note']) {
    await execute('setfattr', ['-n', name, '-v', 'x', join(top, 'file')]);
  }
  const keeps = { keepSetuid: true, keepDevices: true, keepSecurityXattrs: true };

  // What the policy says of the source plants nothing.
  await open(running, keeps, {});
  const without = await copied(running, 'without');
  assert.deepEqual(without.copy, { setuid: false, fifo: false, attributes: ['user.note'] });
  assert.equal(without.progress?.entriesRefused, 1);
  assert.deepEqual(
    without.progress?.notKept?.map(({ what, count, path, errno }) => [what, count, path, errno]),
    [
      ['setuid', 1, 'program', undefined],
      ['xattr', 2, 'file', undefined],
      ['specialFile', 1, 'fifo', undefined],
    ],
  );

  await open(running, {}, { keepSetuid: true });
  assert.deepEqual((await copied(running, 'setuid')).copy, { setuid: true, fifo: false, attributes: ['user.note'] });
  await open(running, {}, { keepDevices: true });
  assert.deepEqual((await copied(running, 'devices')).copy, { setuid: false, fifo: true, attributes: ['user.note'] });
  await open(running, {}, { keepSecurityXattrs: true });
  assert.deepEqual((await copied(running, 'xattrs')).copy, {
    setuid: false,
    fifo: false,
    attributes: ['security.note', 'trusted.note', 'user.note'],
  });
  await open(running, {}, keeps);
  const all = await copied(running, 'all');
  assert.deepEqual(all.copy, { setuid: true, fifo: true, attributes: ['security.note', 'trusted.note', 'user.note'] });
  assert.deepEqual([all.progress?.entriesRefused, all.progress?.notKept], [0, undefined]);

  await t.test('with strict what the policy leaves out fails the job, and each entry is named', async () => {
    await open(running, {}, {});
    await running.createJob({ name: 'strict', spec: toOwnPlace('strict', { preserve: { strict: true } }) });
    const { status } = await running.untilJob('strict', 'has failed', (job) => job.status?.phase === 'Failed');
    assert.deepEqual(
      status?.errors?.map(({ reason, count }) => [reason, count]),
      [['MetadataNotKept', 3]],
    );
  });
});

async function open({ playground }: Cluster, source: object, destination: object): Promise<void> {
  await playground.applyPolicy('roots', {
    namespaceSelector: everywhere,
    roots: [
      { ...data, ...source },
      { ...archive, ...destination },
    ],
  });
}

function toOwnPlace(name: string, more: object = {}): Record<string, unknown> {
  const end = (root: string, path: string): object => ({ nodePath: { root, path, nodeName: 'worker-1' } });
  return { source: end('data', 'tree'), destination: end('archive', name), ...more };
}

/** What became of the tree in a copy of its own, and what its job says of it. */
async function copied(running: Cluster, name: string) {
  await running.createJob({ name, spec: toOwnPlace(name) });
  const { status } = await running.untilComplete(name);
  const copy = join(running.pathOf('worker-1', 'archive'), name);
  const listed = await execute('getfattr', ['--absolute-names', '-m', '^(user|trusted|security)\\.note$', join(copy, 'file')]);
  return {
    progress: status?.progress,
    copy: {
      setuid: (statSync(join(copy, 'program')).mode & 0o6000) === 0o6000,
      fifo: existsSync(join(copy, 'fifo')),
      attributes: listed
        .split('\n')
        .filter((line) => line.endsWith('.note'))
        .sort(),
    },
  };
}
