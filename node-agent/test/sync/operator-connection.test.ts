import assert from 'node:assert/strict';
import { closeSync, constants, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { maxSyncBytes, type SyncRequest } from '@smartcopy/crds';
import { makeAuthority } from '../../../test/support/certificates.ts';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { execute } from '../../../test/support/programs.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { OperatorConnection } from '../../src/sync/operator-connection.ts';
import { nothingToDo, OperatorPeer, type PeerOptions, refused } from './operator-peer.ts';

const request: SyncRequest = {
  bootId: 'boot-1',
  instanceId: 'instance-1',
  version: '0.1.0',
  waitMs: 0,
  capabilities: { kernelRelease: '6.1.0', architecture: 'x64', cpuCount: 2, memoryBytes: 1, ioUring: 'None' },
  roots: [],
  reports: [],
};
const exchange = { signal: new AbortController().signal, timeoutMs: 5_000 };

async function connected(t: TestContext, options: PeerOptions = {}) {
  const peer = await OperatorPeer.start(t, options);
  const folder = await temporaryFolder(t);
  const files = { caFile: join(folder, 'ca.crt'), tokenFile: join(folder, 'token') };
  writeFileSync(files.caFile, peer.authority.certificate);
  writeFileSync(files.tokenFile, 'first-token\n');
  const connection = new OperatorConnection({ operator: peer.url, ...files });
  cleanUp(t, () => connection.close());
  return { peer, connection, ...files };
}

test('exchanges go over one connection, with the token as it stands in its file at the time', async (t) => {
  const { peer, connection, tokenFile } = await connected(t);
  assert.deepEqual(await connection.sync(request, exchange), { kind: 'answered', response: nothingToDo });
  writeFileSync(tokenFile, 'second-token');
  await connection.sync(request, exchange);
  assert.deepEqual(
    peer.received.map(({ authorization }) => authorization),
    ['Bearer first-token', 'Bearer second-token'],
  );
  assert.deepEqual(peer.received[0]?.request, request);
  assert.equal(peer.connections, 1);
});

test("the operator's authority may be replaced while the agent lives", async (t) => {
  const { peer, connection, caFile } = await connected(t);
  await connection.sync(request, exchange);
  const { port } = peer;
  await peer.stop();
  const successor = await OperatorPeer.start(t, { port });
  await assert.rejects(connection.sync(request, exchange), { code: 'SC_NO_ANSWER', word: 'Unreachable' });
  assert.equal(successor.received.length, 0);
  writeFileSync(caFile, successor.authority.certificate);
  assert.equal((await connection.sync(request, exchange)).kind, 'answered');
});

test('once an authority is not trusted any more, the connection that it vouched for is not used', async (t) => {
  const { peer, connection, caFile } = await connected(t);
  await connection.sync(request, exchange);
  writeFileSync(caFile, (await makeAuthority()).certificate);
  await assert.rejects(connection.sync(request, exchange), { word: 'Unreachable' });
  assert.equal(peer.received.length, 1);
});

test('nobody but the operator, by its own name, is told the token', async (t) => {
  const { peer, connection } = await connected(t, { hosts: ['127.0.0.1', 'localhost'] });
  await assert.rejects(connection.sync(request, exchange), /smartcopy-operator\.smartcopy\.io/);
  assert.equal(peer.received.length, 0);
});

test('a server without TLS 1.3 is not spoken to', async (t) => {
  const { peer, connection } = await connected(t, { maxVersion: 'TLSv1.2' });
  await assert.rejects(connection.sync(request, exchange), { word: 'Unreachable' });
  assert.equal(peer.received.length, 0);
});

test('another address is dialled under the same name', async (t) => {
  const { peer, connection } = await connected(t);
  const leader = await OperatorPeer.start(t, { authority: peer.authority });
  await connection.sync(request, { ...exchange, leader: leader.address });
  assert.deepEqual([peer.received.length, leader.received.length], [0, 1]);
});

test('a refusal is handed on; one in other words has only its status', async (t) => {
  const { peer, connection } = await connected(t);
  peer.answer = () => refused('NotReady', 'leader:1');
  const refusal = { code: 'NotReady', message: 'it is NotReady', leader: 'leader:1' };
  assert.deepEqual(await connection.sync(request, exchange), { kind: 'refused', status: 503, refusal });
});

test('an answer that is too large or not in the words of the contract is none', async (t) => {
  const { peer, connection } = await connected(t);
  for (const text of [
    JSON.stringify(nothingToDo).padEnd(maxSyncBytes + 1),
    'nonsense',
    JSON.stringify({ ...nothingToDo, assignments: [{ id: '../../etc' }] }),
  ]) {
    peer.answer = () => ({ text });
    await assert.rejects(connection.sync(request, exchange), { word: 'NotUnderstood' });
  }
});

test('an operator that does not answer in time is given up, and so is an exchange that nobody wants', async (t) => {
  const { peer, connection } = await connected(t);
  peer.answer = () => undefined;
  const patient = { ...request, waitMs: 60_000 };
  await assert.rejects(connection.sync(patient, { ...exchange, timeoutMs: 100 }), { word: 'Timeout' });
  const signal = AbortSignal.timeout(100);
  await assert.rejects(connection.sync(patient, { ...exchange, signal }), { name: 'TimeoutError' });
});

test('an answer that switches protocols is none, and the next exchange goes on', async (t) => {
  const { peer, connection } = await connected(t);
  peer.answer = () => ({ bytes: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n' });
  await assert.rejects(connection.sync(request, exchange), { word: 'NotUnderstood' });
  peer.answer = () => nothingToDo;
  assert.equal((await connection.sync(request, exchange)).kind, 'answered');
});

test('credentials that hang end an exchange in time', async (t) => {
  const { peer, connection, tokenFile } = await connected(t);
  rmSync(tokenFile);
  await execute('mkfifo', [tokenFile]);
  // A pipe that nobody writes to hangs whoever opens it, until somebody does.
  const release = () => closeSync(openSync(tokenFile, constants.O_WRONLY | constants.O_NONBLOCK));
  await assert.rejects(connection.sync(request, { ...exchange, timeoutMs: 100 }), { word: 'Timeout' });
  release();
  const signal = AbortSignal.timeout(100);
  await assert.rejects(connection.sync(request, { ...exchange, signal }), { name: 'TimeoutError' });
  release();
  assert.equal(peer.connections, 0);
});

test('files without an authority or a token are no credentials', async (t) => {
  const { peer, connection, caFile, tokenFile } = await connected(t);
  const broken = '-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n';
  for (const text of ['', '\n', 'nonsense', broken, `${peer.authority.certificate}\n${broken}`]) {
    writeFileSync(caFile, text);
    await assert.rejects(connection.sync(request, exchange), { word: 'NoCredentials' });
  }
  writeFileSync(caFile, `${(await makeAuthority()).certificate}\n${peer.authority.certificate}`);
  for (const text of ['', ' \n']) {
    writeFileSync(tokenFile, text);
    await assert.rejects(connection.sync(request, exchange), { word: 'NoCredentials' });
  }
  assert.equal(peer.connections, 0);
  writeFileSync(tokenFile, 'token');
  assert.equal((await connection.sync(request, exchange)).kind, 'answered');
});

test('without a token nothing is sent', async (t) => {
  const { peer, connection, tokenFile } = await connected(t);
  rmSync(tokenFile);
  await assert.rejects(connection.sync(request, exchange), { word: 'NoCredentials' });
  assert.equal(peer.connections, 0);
});
