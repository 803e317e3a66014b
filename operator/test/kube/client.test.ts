import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { isConflict, isGone, isTransient, KubeAnswerError, KubeApiError, KubeUnreachableError } from '../../src/kube/api-error.ts';
import type { KubeClient, WatchEvent } from '../../src/kube/client.ts';
import { type Lamp, lampOf, lamps, rawLamp } from './objects.ts';
import { type Answer, json, refusal, troubled } from './troubled-server.ts';

// What a real API server says only when it is in trouble; test/integration/kube-runtime.test.ts asks a real one everything else.

const { signal } = new AbortController();
const key = { namespace: 'shop', name: 'one' };
const options = { resourceVersion: '5', timeoutSeconds: 300, silenceMs: 10_000 };

const busy: Answer = (response) => response.writeHead(429, { 'content-type': 'text/plain', 'retry-after': '1' }).end('Too many requests');
const found = json(200, rawLamp({ name: 'one' }));

test('a read waits as long as a busy API server asks, and is tried again', async (t) => {
  const { client, asked, askedAtMs } = await troubled(t, [busy, refusal(503, 'ServiceUnavailable'), found]);
  assert.deepEqual(await client.get(lamps, key, signal), lampOf({ name: 'one' }));
  assert.deepEqual(asked, Array(3).fill('GET /prefix/apis/test.example/v1/namespaces/shop/lamps/one'));
  const [first = 0, second = 0] = askedAtMs;
  assert.ok(second - first >= 995, `${second - first} ms`);
});

test('a read is given up after three attempts', async (t) => {
  const { client, asked } = await troubled(t, [refusal(503, 'ServiceUnavailable')]);
  await assert.rejects(client.list(lamps, {}, signal), (error) => {
    assert.ok(error instanceof KubeApiError && isTransient(error));
    assert.equal(error.message, 'list lamps: 503 ServiceUnavailable: it is ServiceUnavailable');
    return true;
  });
  assert.equal(asked.length, 3);
});

test('a read that is refused, and any write, is not tried again', async (t) => {
  const { client, asked } = await troubled(t, [refusal(403, 'Forbidden'), refusal(503, 'ServiceUnavailable')]);
  await assert.rejects(client.get(lamps, key, signal), /403 Forbidden/);
  const object = { metadata: { ...key, resourceVersion: '5' } };
  const writes = [
    () => client.create(lamps, object, signal),
    () => client.replace(lamps, key, object, signal),
    () => client.replaceStatus(lamps, { ...object, status: {} }, signal),
    () => client.patch(lamps, key, {}, signal),
    () => client.delete(lamps, key, {}, signal),
    () => client.post('/apis/test.example/v1/reviews', {}, signal),
  ];
  for (const write of writes) await assert.rejects(write(), (error) => error instanceof KubeApiError && error.status === 503);
  assert.deepEqual(asked.slice(1), [
    'POST /prefix/apis/test.example/v1/namespaces/shop/lamps',
    'PUT /prefix/apis/test.example/v1/namespaces/shop/lamps/one',
    'PUT /prefix/apis/test.example/v1/namespaces/shop/lamps/one/status',
    'PATCH /prefix/apis/test.example/v1/namespaces/shop/lamps/one',
    'DELETE /prefix/apis/test.example/v1/namespaces/shop/lamps/one',
    'POST /prefix/apis/test.example/v1/reviews',
  ]);
});

test('the reason tells a conflict from a name that is taken', async (t) => {
  const { client } = await troubled(t, [refusal(409, 'AlreadyExists'), refusal(409, 'Conflict')]);
  const create = (): Promise<boolean> => client.create(lamps, { metadata: key }, signal).then(() => false, isConflict);
  assert.deepEqual([await create(), await create()], [false, true]);
});

test('an answer that breaks off is no answer', async (t) => {
  const broken: Answer = (response) => response.writeHead(200, { 'content-length': '1000' }).write('{', () => response.destroy());
  const { client } = await troubled(t, [broken]);
  await assert.rejects(client.patch(lamps, key, {}, signal), (error) => error instanceof KubeUnreachableError && !error.timedOut);
});

test('an answer that comes too slowly is given up', async (t) => {
  const slow: Answer = (response) => response.writeHead(200).write('{');
  const { client, askedAtMs } = await troubled(t, [slow], 200);
  await assert.rejects(client.patch(lamps, key, {}, signal), (error) => error instanceof KubeUnreachableError && error.timedOut);
  assert.ok(performance.now() - (askedAtMs[0] ?? 0) < 2_000);
});

test('an answer that is too long, no JSON or of another form is refused, without another attempt', async (t) => {
  const long = json(200, 'x'.repeat(4 * 1024 ** 2));
  const page: Answer = (response) => response.writeHead(200).end('<html>');
  const { client, asked } = await troubled(t, [long, page, json(200, { items: [] })]);
  await assert.rejects(client.get(lamps, key, signal), /get lamps shop\/one: the answer is longer than 4194304 bytes/);
  await assert.rejects(client.get(lamps, key, signal), /the answer is no JSON: <html>/);
  await assert.rejects(client.list(lamps, {}, signal), (error) => error instanceof KubeAnswerError && error.code === 'SC_KUBE_ANSWER');
  assert.equal(asked.length, 3);
});

test('the user is known by name and password, and the client by its own name', async (t) => {
  let headers: IncomingMessage['headers'] = {};
  const { client } = await troubled(t, [
    (response, request) => {
      headers = request.headers;
      found(response, request, '');
    },
  ]);
  await client.get(lamps, key, signal);
  assert.deepEqual([headers.authorization, headers['user-agent']], [`Basic ${btoa('me:secret')}`, 'test']);
});

test('a list and a watch say what they are narrowed to', async (t) => {
  const { client, asked } = await troubled(t, [
    json(200, { metadata: { resourceVersion: '5' }, items: null }),
    (response) => response.end(),
  ]);
  const selection = { namespace: 'shop', labelSelector: 'a in (b,c)', fieldSelector: 'x=y' };
  assert.deepEqual(await client.list(lamps, { ...selection, limit: 500, continue: 'to=ken' }, signal), {
    items: [],
    unparsable: [],
    resourceVersion: '5',
  });
  await collect(client, selection);
  const path = '/prefix/apis/test.example/v1/namespaces/shop/lamps?labelSelector=a+in+%28b%2Cc%29&fieldSelector=x%3Dy';
  assert.deepEqual(asked, [
    `GET ${path}&limit=500&continue=to%3Dken`,
    `GET ${path}&watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300`,
  ]);
});

async function collect(client: KubeClient, selection = {}, into: WatchEvent<Lamp>[] = []): Promise<WatchEvent<Lamp>[]> {
  for await (const event of client.watch(lamps, { ...options, ...selection }, signal)) into.push(event);
  return into;
}

const added = { type: 'ADDED', object: rawLamp({ name: 'ünïcode', resourceVersion: '6' }) };

test('events are read however the network cuts them, and a last one that is cut off is none', async (t) => {
  const bytes = Buffer.from(
    `${JSON.stringify(added)}\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n{"type":"ADDED","obj`,
  );
  const trickle: Answer = (response) => {
    response.socket?.setNoDelay(true);
    const next = (index: number): void => {
      if (index < bytes.length) response.write(bytes.subarray(index, index + 1), () => setImmediate(next, index + 1));
      else response.end();
    };
    next(0);
  };
  const { client } = await troubled(t, [trickle]);
  assert.deepEqual(await collect(client), [
    { type: 'ADDED', resourceVersion: '6', parsed: { ok: true, object: lampOf({ name: 'ünïcode', resourceVersion: '6' }) } },
    { type: 'BOOKMARK', resourceVersion: '7' },
  ]);
});

test('a watch ends with what the API server says of it', async (t) => {
  const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };
  const { client } = await troubled(t, [
    (response) => response.end(`${JSON.stringify(added)}\n${JSON.stringify(gone)}\n`),
    refusal(403, 'Forbidden'),
    (response) => response.end('"nonsense"\n'),
  ]);
  const seen: WatchEvent<Lamp>[] = [];
  await assert.rejects(collect(client, {}, seen), (error) => isGone(error) && /^Error|^KubeApiError/.test(String(error)));
  assert.equal(seen.length, 1);
  await assert.rejects(collect(client), /watch lamps: 403 Forbidden/);
  await assert.rejects(collect(client), KubeAnswerError);
});

test('a watch that is silent, cut or endless in one line ends with an error', async (t) => {
  const { client } = await troubled(t, [
    (response) => response.write(`${JSON.stringify(added)}\n`),
    (response) => response.write(`${JSON.stringify(added)}\n`, () => response.destroy()),
    (response) => response.end('x'.repeat(5 * 1024 ** 2)),
  ]);
  await assert.rejects(collect(client, { silenceMs: 300 }), (error) => error instanceof KubeUnreachableError && error.timedOut);
  await assert.rejects(collect(client), (error) => error instanceof KubeUnreachableError && !error.timedOut);
  await assert.rejects(collect(client), /an event is longer than 4194304 bytes/);
});

test('who stops reading a watch closes its connection', async (t) => {
  const closed = Promise.withResolvers<void>();
  const { client } = await troubled(t, [
    (response) => {
      response.on('close', () => closed.resolve());
      response.write(`${JSON.stringify(added)}\n`);
    },
  ]);
  for await (const event of client.watch(lamps, options, signal)) {
    assert.equal(event.type, 'ADDED');
    break;
  }
  await closed.promise;
});

test('a watch ends with its signal', async (t) => {
  const { client } = await troubled(t, [(response) => response.write(`${JSON.stringify(added)}\n`)]);
  const stop = new AbortController();
  const read = async (): Promise<void> => {
    for await (const _ of client.watch(lamps, options, stop.signal)) stop.abort(new Error('enough'));
  };
  await assert.rejects(read(), { message: 'enough' });
});
