import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { HealthServer } from '../../src/agent/health-server.ts';

interface Parts {
  readonly metrics?: () => Promise<never>;
  readonly why?: () => string | undefined;
  readonly ill?: () => string | undefined;
}

async function serve(t: TestContext, parts: Parts = {}) {
  const page = async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' });
  const well = () => undefined;
  const server = new HealthServer({
    metrics: parts.metrics ?? page,
    notHealthyBecause: parts.ill ?? well,
    notReadyBecause: parts.why ?? well,
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  cleanUp(t, () => server.close());
  return async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return [response.status, await response.text(), response.headers.get('content-type')];
  };
}

test('it answers its three paths, and nothing else', async (t) => {
  const ask = await serve(t);
  const text = 'text/plain; charset=utf-8';
  assert.deepEqual(await ask('/metrics'), [200, 'a 1\n', 'text/plain; version=0.0.4']);
  assert.deepEqual(await ask('/healthz'), [200, 'ok\n', text]);
  assert.deepEqual(await ask('/readyz?verbose'), [200, 'ok\n', text]);
  assert.equal((await ask('/'))[0], 404);
  assert.equal((await ask('/metrics/../etc/passwd'))[0], 404);
  assert.equal((await ask('/metrics', 'POST'))[0], 405);
});

test('not to be ready is said with the reason, and changes', async (t) => {
  let why: string | undefined = 'the lock is held';
  const ask = await serve(t, { why: () => why });
  assert.deepEqual((await ask('/readyz')).slice(0, 2), [503, 'the lock is held\n']);
  assert.equal((await ask('/healthz'))[0], 200);
  why = undefined;
  assert.equal((await ask('/readyz'))[0], 200);
});

test('an agent that should be started again says so, and why', async (t) => {
  let ill: string | undefined;
  const ask = await serve(t, { ill: () => ill });
  assert.equal((await ask('/healthz'))[0], 200);
  ill = 'it stands still';
  assert.deepEqual((await ask('/healthz')).slice(0, 2), [503, 'it stands still\n']);
  assert.equal((await ask('/readyz'))[0], 200);
});

test('a page that cannot be made is an error of the server, which goes on', async (t) => {
  const ask = await serve(t, { metrics: () => Promise.reject(new Error('no page')) });
  assert.deepEqual((await ask('/metrics')).slice(0, 2), [500, 'no page\n']);
  assert.equal((await ask('/healthz'))[0], 200);
});
