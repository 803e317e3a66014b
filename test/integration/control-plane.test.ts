import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { controlPlane, startControlPlane } from '../support/control-plane.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = lacksControlPlane();

test('a control plane leaves neither processes nor files behind', { skip }, async () => {
  const started = await startControlPlane();
  const pids = started.servers.map(({ pid }) => pid);
  assert.equal(pids.length, 3);
  for (const pid of pids) assert.ok(existsSync(`/proc/${pid}`));

  await started.stop();

  for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`));
  assert.ok(!existsSync(started.folder));
});

test('a control plane that cannot start says why and leaves no process behind', { skip }, async (t) => {
  const starting = startControlPlane({ folder: await temporaryFolder(t), apiServerArguments: ['--no-such-option'] });

  await assert.rejects(starting, /kube-apiserver ended with 1; kube-apiserver said last:\n.*unknown flag: --no-such-option/s);
  assert.equal(childrenOf(process.pid), '');
});

test('an API server that was killed comes back at the same address with what it knew', { skip }, async (t) => {
  const plane = await controlPlane(t);
  const { url } = plane;
  await plane.kubectl(['create', 'namespace', 'climate']);

  await plane.stopApiServer();
  await assert.rejects(plane.request('GET', '/api/v1/namespaces'), { code: 'ECONNREFUSED' });
  await plane.startApiServer();

  assert.equal(plane.url, url);
  assert.match(await plane.kubectl(['get', 'namespaces']), /^climate\s+Active/m);
});

test('kubectl that fails is an error with its words, unless that was expected', { skip }, async (t) => {
  const plane = await controlPlane(t);
  const unknown = ['get', 'nothing'];

  await assert.rejects(plane.kubectl(unknown), /kubectl get nothing: error: the server doesn't have a resource type "nothing"/);
  assert.match(await plane.kubectl(unknown, { expectFailure: true }), /doesn't have a resource type "nothing"/);
  await assert.rejects(plane.kubectl(['get', 'namespaces'], { expectFailure: true }), /it succeeded/);
});

function childrenOf(pid: number): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
}
