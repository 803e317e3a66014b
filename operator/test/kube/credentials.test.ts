import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { Credentials } from '../../src/kube/credentials.ts';

type Cluster = Parameters<KubeConfig['loadFromClusterAndUser']>[0];

function credentials(t: TestContext, cluster: Partial<Cluster>): Credentials {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'here', server: 'https://127.0.0.1:1', skipTLSVerify: false, ...cluster },
    { name: 'me', token: 'mine' },
  );
  const made = new Credentials(kubeConfig, 1_000);
  cleanUp(t, () => made.close());
  return made;
}

test('connections are kept until what they rest on changes', async (t) => {
  const caFile = join(await temporaryFolder(t), 'ca.crt');
  await writeFile(caFile, 'first');
  const made = credentials(t, { caFile });
  const first = await made.current();
  assert.deepEqual(first.headers, { authorization: 'Bearer mine' });
  assert.equal((await made.current()).dispatcher, first.dispatcher);
  await writeFile(caFile, 'second');
  const second = await made.current();
  assert.notEqual(second.dispatcher, first.dispatcher);
  made.renew();
  assert.notEqual((await made.current()).dispatcher, second.dispatcher);
});

test('what cannot be had is refused with a sentence', async (t) => {
  await assert.rejects(
    credentials(t, { proxyUrl: 'socks5://127.0.0.1:1' }).current(),
    /SOCKS proxies are not supported; use an HTTP proxy/,
  );
  await assert.rejects(credentials(t, { server: 'http://127.0.0.1:1' }).current(), /skipTLSVerify/);
  await assert.rejects(new Credentials(new KubeConfig(), 1_000).current(), /names no current cluster/);
});
