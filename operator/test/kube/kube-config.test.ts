import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import type { KubeConfig } from '@kubernetes/client-node';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { KubeConfigError, loadKubeConfig } from '../../src/kube/kube-config.ts';

async function headersOf(config: KubeConfig): Promise<RequestOptions['headers']> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options.headers;
}

/** A kubeconfig in a folder of its own, with one user. */
async function written(t: TestContext, user: object | null): Promise<{ readonly folder: string; readonly file: string }> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'config');
  const config = {
    clusters: [{ name: 'here', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    'current-context': 'here',
  };
  await writeFile(file, JSON.stringify(config));
  return { folder, file };
}

test('a token file is read each time, from beside the kubeconfig, and goes before a token', async (t) => {
  const { folder, file } = await written(t, { tokenFile: 'secrets/token', token: 'old' });
  await mkdir(join(folder, 'secrets'));
  const config = await loadKubeConfig(file);
  for (const token of ['first', 'second']) {
    await writeFile(join(folder, 'secrets/token'), `${token}\n`);
    assert.deepEqual(await headersOf(config), { Authorization: `Bearer ${token}` });
  }
});

test('other credentials are taken as they are', async (t) => {
  const { file } = await written(t, { token: 'mine', as: 'somebody' });
  assert.deepEqual(await headersOf(await loadKubeConfig(file)), { Authorization: 'Bearer mine', 'Impersonate-User': 'somebody' });
});

test('a kubeconfig that cannot be used is named', async (t) => {
  const { folder, file } = await written(t, {});
  await assert.rejects(
    loadKubeConfig(join(folder, 'none')),
    (error) => error instanceof KubeConfigError && /none: ENOENT/.test(error.message),
  );
  await writeFile(file, 'clusters: [');
  await assert.rejects(loadKubeConfig(file), (error) => error instanceof KubeConfigError && error.code === 'SC_KUBE_CONFIG');
});

test('without a kubeconfig, a process that is in no pod is told so', async () => {
  assert.equal(process.env.KUBERNETES_SERVICE_HOST, undefined);
  await assert.rejects(loadKubeConfig(undefined), /in no pod.*--kubeconfig/);
});

test('in a pod the token is read from where the kubelet keeps it', async (t) => {
  process.env.KUBERNETES_SERVICE_HOST = 'fd00::1';
  process.env.KUBERNETES_SERVICE_PORT = '443';
  t.after(() => {
    delete process.env.KUBERNETES_SERVICE_HOST;
    delete process.env.KUBERNETES_SERVICE_PORT;
  });
  const config = await loadKubeConfig(undefined);
  assert.equal(config.getCurrentCluster()?.server, 'https://[fd00::1]:443');
  await assert.rejects(headersOf(config), /ENOENT.*\/var\/run\/secrets\/kubernetes.io\/serviceaccount\/(ca.crt|token)/);
  assert.deepEqual(config.getCurrentUser()?.authProvider, {
    name: 'smartcopy-token-file',
    config: { file: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
  });
});
