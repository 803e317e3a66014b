import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { storedMeta } from '@smartcopy/crds';
import { z } from 'zod';
import { systemClock } from '../../operator/src/clock.ts';
import { isAlreadyExists, isConflict, isGone, isNotFound, KubeApiError, KubeUnreachableError } from '../../operator/src/kube/api-error.ts';
import { KubeClient } from '../../operator/src/kube/client.ts';
import { EventRecorder } from '../../operator/src/kube/events.ts';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import { defaultTiming, Reflector, type ReflectorTiming, type WatchEnd } from '../../operator/src/kube/reflector.ts';
import { type KubeObject, keyOf, type Resource } from '../../operator/src/kube/resource.ts';
import { Store } from '../../operator/src/kube/store.ts';
import { WriteBudget } from '../../operator/src/kube/write-budget.ts';
import { createLogger } from '../../operator/src/log.ts';
import { BreakableProxy } from '../support/breakable-proxy.ts';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { kubeconfigText } from '../support/kubeconfig.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const configMap = z.object({ metadata: storedMeta, data: z.record(z.string(), z.string()).default({}) });
type ConfigMap = z.infer<typeof configMap>;
const configMaps: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  scope: 'Namespaced',
  schema: configMap,
};
const namespaces: Resource<KubeObject> = {
  ...{ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', scope: 'Cluster' },
  schema: z.object({ metadata: storedMeta }),
};

/** A kind whose spec is required and has a level, of which this build knows two. */
const widget = z.object({
  metadata: storedMeta,
  spec: z.object({ level: z.enum(['Low', 'High']) }),
  status: z.record(z.string(), z.string()).optional(),
});
type Widget = z.infer<typeof widget>;
const widgets: Resource<Widget> = {
  group: 'test.smartcopy.io',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  scope: 'Namespaced',
  schema: widget,
};
const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.smartcopy.io' },
  spec: {
    group: 'test.smartcopy.io',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: { type: 'object', required: ['level'], properties: { level: { type: 'string' } } },
              status: { type: 'object', additionalProperties: { type: 'string' } },
            },
          },
        },
      },
    ],
  },
};

/** Tests do not wait half a minute for the next attempt. */
const quickTiming: ReflectorTiming = { ...defaultTiming, backoff: { firstMs: 20, maxMs: 200 } };
const silent = createLogger('silent');
const never = new AbortController().signal;

let started: ControlPlane | undefined;

suite('the controller runtime on a real API server', { skip: lacksControlPlane() }, () => {
  before(async () => {
    // Compaction after seconds instead of minutes: what is older is gone, as after a long pause.
    started = await startControlPlane({ apiServerArguments: ['--etcd-compaction-interval=2s'] });
    await plane().request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetDefinition);
    await plane().kubectl(['wait', '--for=condition=Established', 'crd/widgets.test.smartcopy.io', '--timeout=60s']);
  });
  after(() => started?.stop());

  test('an object is created, read, changed and deleted', async (t) => {
    const { client, namespace } = await ground(t);
    const key = { namespace, name: 'one' };
    assert.equal(await client.get(configMaps, key, never), undefined);
    assert.equal(await client.delete(configMaps, key, {}, never), false);

    const created = await client.create(configMaps, { metadata: { ...key, labels: { of: 'test' } }, data: { a: '1', b: '2' } }, never);
    assert.deepEqual(keyOf(created), key);
    await assert.rejects(client.create(configMaps, { metadata: key }, never), isAlreadyExists);
    const { resourceVersion } = created.metadata;
    const patched = await client.patch(configMaps, key, { metadata: { resourceVersion }, data: { a: null, c: '3' } }, never);
    assert.deepEqual(patched.data, { b: '2', c: '3' });
    await assert.rejects(client.patch(configMaps, key, { metadata: { resourceVersion }, data: {} }, never), isConflict);

    const replaced = await client.replace(configMaps, key, { metadata: patched.metadata, data: { d: '4' } }, never);
    assert.deepEqual(replaced.data, { d: '4' });
    await assert.rejects(client.replace(configMaps, key, { metadata: patched.metadata }, never), isConflict);
    assert.deepEqual(await client.get(configMaps, key, never), replaced);
    const { items } = await client.list(configMaps, { namespace, labelSelector: 'of=test' }, never);
    assert.deepEqual(items, [replaced]);
    assert.deepEqual((await client.list(configMaps, { namespace, fieldSelector: 'metadata.name=two' }, never)).items, []);

    await assert.rejects(client.delete(configMaps, key, { uid: 'another' }, never), isConflict);
    assert.equal(await client.delete(configMaps, key, { uid: created.metadata.uid }, never), true);
    assert.equal(await client.get(configMaps, key, never), undefined);
  });

  test('a status is replaced as a whole, alone, and only by one who has seen the newest object', async (t) => {
    const { client, namespace } = await ground(t);
    const key = { namespace, name: 'one' };
    const created = await client.create(widgets, { metadata: { ...key, labels: { of: 'test' } }, spec: { level: 'Low' } }, never);
    const first = await client.replaceStatus(widgets, { metadata: created.metadata, status: { phase: 'Busy', since: 'now' } }, never);
    assert.deepEqual(first.status, { phase: 'Busy', since: 'now' });
    const second = await client.replaceStatus(widgets, { metadata: first.metadata, status: { phase: 'Idle' } }, never);
    assert.deepEqual([second.status, second.spec, second.metadata.labels], [{ phase: 'Idle' }, { level: 'Low' }, { of: 'test' }]);
    await assert.rejects(client.replaceStatus(widgets, { metadata: first.metadata, status: {} }, never), isConflict);
  });

  test('errors say what was asked and what the API server answered', async (t) => {
    const { client, namespace } = await ground(t);
    const gone = { namespace: 'nowhere', name: 'one' };
    await assert.rejects(client.create(configMaps, { metadata: gone }, never), (error) => {
      assert.ok(error instanceof KubeApiError);
      assert.deepEqual([error.code, error.status, error.reason, isNotFound(error)], ['SC_KUBE_API', 404, 'NotFound', true]);
      assert.equal(error.message, 'create configmaps nowhere/one: 404 NotFound: namespaces "nowhere" not found');
      return true;
    });
    // A kind that is not served is no object that is not there.
    const unserved = { ...widgets, plural: 'gadgets' };
    await assert.rejects(client.get(unserved, { namespace, name: 'one' }, never), /get gadgets .*: 404: 404 page not found/);
  });

  test('every answer and every missing one is counted', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const seen: string[] = [];
    const { client, namespace } = await ground(t, {
      url: `https://127.0.0.1:${proxy.port}`,
      timeoutMs: 1_000,
      onRequest: ({ verb, resource, code }) => seen.push(`${verb} ${resource} ${code}`),
    });
    seen.length = 0;
    await client.get(configMaps, { namespace, name: 'none' }, never);
    await client.post(
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      never,
    );
    proxy.freeze();
    await assert.rejects(client.create(configMaps, { metadata: { namespace, name: 'one' } }, never), (error) => {
      assert.ok(error instanceof KubeUnreachableError && error.timedOut);
      assert.match(error.message, /^create configmaps .*\/one: no answer from the API server: not done within 1 s$/);
      return true;
    });
    proxy.cut();
    assert.deepEqual(seen, ['get configmaps 404', 'create selfsubjectreviews 201', 'create configmaps Timeout']);
    // A read finds its way as soon as there is one.
    const asked = client.get(configMaps, { namespace, name: 'none' }, never);
    await eventually('the first attempt has timed out', () => seen.at(-1) === 'get configmaps Timeout');
    proxy.thawForNew();
    assert.equal(await asked, undefined);
  });

  test('a call ends with its signal, even before there is a connection', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const client = await clientOf(t, { url: `https://127.0.0.1:${proxy.port}` });
    proxy.freeze();
    const stop = new AbortController();
    const asked = client.list(configMaps, {}, stop.signal);
    await eventually('it is under way', () => proxy.connectionCount > 0);
    const stoppedAtMs = performance.now();
    stop.abort(new Error('enough'));
    await assert.rejects(asked, { message: 'enough' });
    assert.ok(performance.now() - stoppedAtMs < 1_000, 'it did not wait for the connection');
  });

  test('1,200 objects come in pages, and all changes after them', async (t) => {
    const listed: string[] = [];
    const { client, namespace } = await ground(t, { onRequest: ({ verb }) => listed.push(verb) });
    await createMany(client, namespace, 1_200);
    listed.length = 0;
    const { store } = reflect(t, { client, resource: configMaps, namespace });
    await store.whenSynced(AbortSignal.timeout(30_000));
    assert.equal(store.list().length, 1_200);
    assert.equal(listed.filter((verb) => verb === 'list').length, 3);
    await client.patch(configMaps, { namespace, name: 'map-7' }, { data: { changed: 'yes' } }, never);
    await client.delete(configMaps, { namespace, name: 'map-8' }, {}, never);
    await sameAsServer(client, store, namespace);
    assert.equal(store.list().length, 1_199);
  });

  test('a list whose later pages are gone starts over', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const { client: direct, namespace } = await ground(t);
    await createMany(direct, namespace, 30);
    const seen: string[] = [];
    const client = await clientOf(t, {
      url: `https://127.0.0.1:${proxy.port}`,
      timeoutMs: 60_000,
      onRequest: ({ verb, code }) => {
        if (verb === 'list' && seen.push(`${code}`) === 1) proxy.freeze();
      },
    });
    const { store } = reflect(t, { client, resource: configMaps, namespace, timing: { ...quickTiming, pageSize: 10 } });
    await eventually('the first page has come', () => seen.length === 1);
    // The token of a page is of the same moment as that of the list that is under way.
    const page = await direct.list(configMaps, { namespace, limit: 10 }, never);
    for (let isValid = true; isValid; ) {
      await createMany(direct, namespace, 1, 'later');
      await direct.delete(configMaps, { namespace, name: 'later-0' }, {}, never);
      isValid = await direct.list(configMaps, { namespace, limit: 10, continue: page.continue }, never).then(
        () => true,
        (error: unknown) => !isGone(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    proxy.thaw();
    await store.whenSynced(AbortSignal.timeout(30_000));
    assert.deepEqual(seen.slice(0, 2), ['200', '410']);
    await sameAsServer(direct, store, namespace);
  });

  test('a watch that is cut again and again loses nothing', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const { client: direct, namespace } = await ground(t);
    const { client, reasons, relists, store } = await reflectThrough(t, proxy, { namespace });
    await store.whenSynced(AbortSignal.timeout(30_000));
    for (let round = 0; round < 10; round += 1) {
      await createMany(direct, namespace, 5, `round-${round}`);
      proxy.cut();
      await direct.delete(configMaps, { namespace, name: `round-${round}-0` }, {}, never);
      await direct.patch(configMaps, { namespace, name: `round-${round}-1` }, { data: { round: `${round}` } }, never);
    }
    await sameAsServer(direct, store, namespace);
    assert.equal(store.list().filter(({ data }) => data.round !== undefined).length, 10);
    assert.deepEqual(new Set(reasons), new Set(['Broken']));
    assert.equal(relists.length, 1);
    await client.close();
  });

  test('a frozen watch is noticed, and what happened meanwhile is made up for', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const { client: direct, namespace } = await ground(t);
    const timing = { ...quickTiming, silenceMs: 2_000 };
    const { reasons, relists, store } = await reflectThrough(t, proxy, { namespace, timing });
    await store.whenSynced(AbortSignal.timeout(30_000));
    await createMany(direct, namespace, 3);
    await sameAsServer(direct, store, namespace);
    proxy.freeze();
    const frozenAt = performance.now();
    await direct.delete(configMaps, { namespace, name: 'map-0' }, {}, never);
    proxy.thawForNew();
    await eventually('the silence is noticed', () => reasons.includes('Silent'), 10_000);
    await sameAsServer(direct, store, namespace);
    assert.ok(performance.now() - frozenAt < 6_000, 'no other connection was tried that is as dead');
    assert.equal(relists.length, 1);
  });

  test('the API server ends a watch in its time, and the next goes on where it ended', async (t) => {
    const { client, namespace } = await ground(t);
    const timing = { ...quickTiming, watchSeconds: { min: 1, max: 1 } };
    const { reasons, relists, store } = reflect(t, { client, resource: configMaps, namespace, timing });
    await eventually('two watches have ended', () => reasons.length >= 2, 10_000);
    await createMany(client, namespace, 3);
    await sameAsServer(client, store, namespace);
    assert.deepEqual(new Set(reasons), new Set(['Closed']));
    assert.equal(relists.length, 1);
  });

  test('an object that this build cannot read is never taken for deleted', async (t) => {
    const { client, namespace } = await ground(t);
    await client.create(widgets, { metadata: { namespace, name: 'first' }, spec: { level: 'Low' } }, never);
    const strange = { metadata: { namespace, name: 'strange' }, spec: { level: 'Enormous' } };
    await assert.rejects(client.create(widgets, strange, never), /create widgets .*: this build cannot read the object: spec.level: /);
    const { store } = reflect(t, { client, resource: widgets, namespace });
    await store.whenSynced(AbortSignal.timeout(30_000));
    assert.deepEqual(store.list().map(keyOf), [{ namespace, name: 'first' }]);
    assert.equal(store.get({ namespace, name: 'strange' }), undefined);
    assert.equal(store.has({ namespace, name: 'strange' }), true);

    await plane().request('PATCH', `/apis/test.smartcopy.io/v1/namespaces/${namespace}/widgets/first`, { spec: { level: 'Tiny' } });
    await eventually('it is noticed', () => store.unparsable({ namespace, name: 'first' }));
    assert.equal(store.get({ namespace, name: 'first' })?.spec.level, 'Low');
    await client.patch(widgets, { namespace, name: 'first' }, { spec: { level: 'High' } }, never);
    await eventually('it can be read again', () => store.get({ namespace, name: 'first' })?.spec.level === 'High');
    assert.equal(store.unparsable({ namespace, name: 'first' }), undefined);
    await client.delete(widgets, { namespace, name: 'strange' }, {}, never);
    await eventually('it is gone', () => !store.has({ namespace, name: 'strange' }));
  });

  test('a token file is read again when the token in it changes', async (t) => {
    const folder = await temporaryFolder(t);
    const { client: admin, namespace } = await ground(t);
    const tokenFile = join(folder, 'token');
    const account = await plane().request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'reader' } });
    assert.ok(account);
    const answer = await plane().request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/reader/token`, { spec: {} });
    const { token } = z.object({ status: z.object({ token: z.string() }) }).parse(answer).status;
    await writeFile(tokenFile, 'not.a.token\n');
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigText({ url: plane().url, ca: plane().ca, identity: { tokenFile: 'token' } }));
    const client = new KubeClient({ kubeConfig: await loadKubeConfig(kubeconfig), userAgent: 'test' });
    cleanUp(t, () => client.close());

    const review = (): Promise<unknown> =>
      client.post(
        '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
        never,
      );
    await assert.rejects(review(), (error) => error instanceof KubeApiError && error.status === 401);
    await writeFile(tokenFile, `${token}\n`);
    assert.match(JSON.stringify(await review()), new RegExp(`system:serviceaccount:${namespace}:reader`));
    await admin.close();
  });

  test('an HTTP proxy that the kubeconfig names is used', async (t) => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, near) => {
      asked.push(request.url ?? '');
      const far = connect({ host: '127.0.0.1', port: port() }, () => {
        near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        near.pipe(far).pipe(near);
      });
      for (const socket of [near, far]) socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen({ host: '127.0.0.1', port: 0 }, resolve));
    cleanUp(t, () => new Promise((resolve) => void proxy.close(() => resolve())));
    const address = proxy.address();
    assert.ok(address !== null && typeof address === 'object');
    const client = await clientOf(t, { proxyUrl: `http://127.0.0.1:${address.port}` });
    assert.ok(await client.get(namespaces, { namespace: '', name: 'default' }, never));
    assert.deepEqual(asked, [`127.0.0.1:${port()}`]);
  });

  test('events are written in order, counted up, shown by kubectl, and flushed at the end', async (t) => {
    const { client, namespace } = await ground(t);
    const object = await client.create(configMaps, { metadata: { namespace, name: 'subject' } }, never);
    const subject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: object.metadata };
    const options = { client, budget: new WriteBudget(systemClock), component: 'smartcopy-operator', instance: 'test', log: silent };
    const recorder = new EventRecorder(options);
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    for (const reason of ['Planned', 'Started', 'Moved', 'Ended'])
      recorder.record(subject, { type: 'Normal', reason, message: `it has ${reason}` });
    await untilEvents(namespace, 'four are there', (events) => events.length === 4);
    const described = await plane().kubectl(['describe', 'configmap', 'subject', '--namespace', namespace]);
    assert.match(described, /Planned .* smartcopy-operator .*\n.*Started .*\n.*Moved .*\n.*Ended /);
    recorder.record(subject, { type: 'Normal', reason: 'Moved', message: 'it has Moved' });
    recorder.record(subject, { type: 'Normal', reason: 'Moved', message: 'it has Moved' });
    await untilEvents(namespace, 'one has happened three times', (events) => events.some(({ count }) => count === 3));

    const wide = await client.get(namespaces, { namespace: '', name: namespace }, never);
    assert.ok(wide);
    const last = { type: 'Warning', reason: 'Closing', message: '…'.repeat(1_000) } as const;
    recorder.record({ apiVersion: 'v1', kind: 'Namespace', metadata: wide.metadata }, last);
    stop.abort();
    await running;
    assert.deepEqual(
      (await eventsOf(namespace)).map(({ reason, count }) => [reason, count]),
      [
        ['Planned', 1],
        ['Started', 1],
        ['Moved', 3],
        ['Ended', 1],
      ],
    );
    const [flushed] = (await eventsOf('default')).filter(({ involvedObject }) => involvedObject.name === namespace);
    assert.deepEqual([flushed?.reason, flushed?.type], ['Closing', 'Warning']);
    assert.ok(Buffer.byteLength(flushed?.message ?? '') <= 1_024);
  });

  test('the process ends by itself once everything was told to stop', async () => {
    const script = `
      const [kubeconfig, root] = process.argv.slice(1);
      const { KubeClient } = await import(root + '/kube/client.ts');
      const { loadKubeConfig } = await import(root + '/kube/kube-config.ts');
      const { Reflector } = await import(root + '/kube/reflector.ts');
      const { Store } = await import(root + '/kube/store.ts');
      const { WorkQueue } = await import(root + '/kube/work-queue.ts');
      const { runController, later } = await import(root + '/kube/controller.ts');
      const { pino } = await import('pino');
      const { z } = await import('zod');
      const { storedMeta } = await import('@smartcopy/crds');
      const schema = z.object({ metadata: storedMeta });
      const resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', scope: 'Cluster', schema };
      const client = new KubeClient({ kubeConfig: await loadKubeConfig(kubeconfig), userAgent: 'test' });
      const stop = new AbortController();
      const log = pino({ level: 'silent' });
      const store = new Store();
      const queue = new WorkQueue({ name: 'namespaces' });
      store.onChange(({ key }) => queue.add(key));
      let count = 0;
      const reconcile = async () => { count += 1; return later(3_600_000); };
      const running = [
        new Reflector({ client, resource, store, log }).run(stop.signal),
        runController({ name: 'namespaces', queue, reconcile, concurrency: 2, timeoutMs: 1_000, log }, stop.signal),
      ];
      await store.whenSynced(stop.signal);
      await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      await Promise.all(running);
      console.log(count > 0 ? 'stopped' : 'nothing was done');
    `;
    const root = join(import.meta.dirname, '../../operator/src');
    const nodeArguments = ['--input-type=module', '--eval', script, plane().adminKubeconfig, root];
    const { stdout } = await promisify(execFile)(process.execPath, nodeArguments, { cwd: root, timeout: 20_000 });
    assert.equal(stdout, 'stopped\n');
  });

  // The last one: the others would be disturbed.
  test('after the API server was away and has forgotten the past, the store is right again', async (t) => {
    const proxy = await BreakableProxy.open(t, port());
    const { client: direct, namespace } = await ground(t);
    await createMany(direct, namespace, 3);
    const { reasons, relists, store } = await reflectThrough(t, proxy, { namespace, timing: { ...quickTiming, silenceMs: 60_000 } });
    const deleted: string[] = [];
    store.onChange(({ key, after: now }) => {
      if (now === undefined) deleted.push(key.name);
    });
    await store.whenSynced(AbortSignal.timeout(30_000));
    proxy.freeze();
    await direct.delete(configMaps, { namespace, name: 'map-1' }, {}, never);
    await createMany(direct, namespace, 1, 'new');
    await plane().stopApiServer();
    await plane().startApiServer();
    proxy.cut();
    proxy.thawForNew();
    await eventually('it lists again', () => relists.length === 2);
    await sameAsServer(direct, store, namespace);
    assert.equal(reasons.filter((reason) => reason === 'Gone').length, 1, `${reasons}`);
    assert.deepEqual(deleted, ['map-1']);
  });
});

function plane(): ControlPlane {
  assert.ok(started !== undefined, 'the control plane was started');
  return started;
}

function port(): number {
  return Number(new URL(plane().url).port);
}

interface Ground {
  readonly client: KubeClient;
  readonly namespace: string;
}

type ClientOptions = Omit<ConstructorParameters<typeof KubeClient>[0], 'kubeConfig' | 'userAgent'> & {
  readonly url?: string;
  readonly proxyUrl?: string;
};

let groundCount = 0;

/** A client and a namespace of its own. */
async function ground(t: TestContext, options: ClientOptions = {}): Promise<Ground> {
  const client = await clientOf(t, options);
  groundCount += 1;
  const name = `ground-${groundCount}`;
  await client.create(namespaces, { metadata: { name } }, never);
  return { client, namespace: name };
}

async function clientOf(t: TestContext, { url = plane().url, proxyUrl, ...options }: ClientOptions = {}): Promise<KubeClient> {
  const kubeconfig = join(await temporaryFolder(t), 'kubeconfig');
  const text = kubeconfigText({ url, ca: plane().ca, identity: plane().files.admin });
  const server = JSON.stringify(url);
  await writeFile(kubeconfig, proxyUrl === undefined ? text : text.replace(server, `${server}, "proxy-url": "${proxyUrl}"`));
  const client = new KubeClient({ kubeConfig: await loadKubeConfig(kubeconfig), userAgent: 'smartcopy-test', ...options });
  cleanUp(t, () => client.close());
  return client;
}

interface Reflection<T extends KubeObject> {
  readonly client: KubeClient;
  readonly store: Store<T>;
  readonly reasons: WatchEnd[];
  readonly relists: string[];
}

interface ReflectionOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly namespace: string;
  readonly timing?: ReflectorTiming;
}

/** Keeps a store until the test ends. */
function reflect<T extends KubeObject>(t: TestContext, options: ReflectionOptions<T>): Reflection<T> {
  const { client, timing = quickTiming } = options;
  const store = new Store<T>();
  const reasons: WatchEnd[] = [];
  const relists: string[] = [];
  const hooks = {
    onWatchRestart: (_: string, reason: WatchEnd) => void reasons.push(reason),
    onRelist: (plural: string) => void relists.push(plural),
  };
  const stop = new AbortController();
  const running = new Reflector({ ...options, store, log: silent, hooks, timing }).run(stop.signal);
  cleanUp(t, async () => {
    stop.abort();
    await running;
  });
  return { client, store, reasons, relists };
}

async function reflectThrough(t: TestContext, proxy: BreakableProxy, options: Pick<ReflectionOptions<ConfigMap>, 'namespace' | 'timing'>) {
  const client = await clientOf(t, { url: `https://127.0.0.1:${proxy.port}` });
  return reflect(t, { client, resource: configMaps, ...options });
}

async function createMany(client: KubeClient, namespace: string, count: number, prefix = 'map'): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`).values();
  const work = async (): Promise<void> => {
    for (const name of names) await client.create(configMaps, { metadata: { namespace, name } }, never);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

/** Waits until the store holds what the API server has now. */
async function sameAsServer(client: KubeClient, store: Store<ConfigMap>, namespace: string): Promise<void> {
  const versions = (objects: readonly ConfigMap[]): string[] =>
    objects.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).sort();
  const { items } = await client.list(configMaps, { namespace }, never);
  const wanted = JSON.stringify(versions(items));
  await eventually('the store is what the API server has', () => JSON.stringify(versions(store.list())) === wanted);
}

const eventList = z.object({
  items: z.array(
    z.object({ reason: z.string(), type: z.string(), message: z.string(), count: z.int(), involvedObject: z.object({ name: z.string() }) }),
  ),
});

type Events = z.infer<typeof eventList>['items'];

async function eventsOf(namespace: string): Promise<Events> {
  return eventList.parse(await plane().request('GET', `/api/v1/namespaces/${namespace}/events`)).items;
}

async function untilEvents(namespace: string, what: string, isSo: (events: Events) => boolean): Promise<void> {
  for (const endMs = performance.now() + 30_000; !isSo(await eventsOf(namespace)); ) assert.ok(performance.now() < endMs, what);
}
