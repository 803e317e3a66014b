import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { type KeyPair, makeAuthority, makeServerCertificate, validityOf } from '../../src/agents/certificate-authority.ts';
import { bundleOf, type CertificateState, type RotationOptions, rotate } from '../../src/agents/certificate-rotation.ts';
import { readSecret, writeSecret } from '../../src/agents/certificate-secret.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const options: RotationOptions = {
  authorityLifetimeMs: 3_650 * dayMs,
  serverLifetimeMs: 90 * dayMs,
  graceMs: dayMs,
  names: ['operator.example', 'localhost', '127.0.0.1'],
};
const startMs = Date.UTC(2026, 0, 1);

/** Connects over TLS to a server that shows `server`, trusting `bundle` alone and calling it `name`. @returns the error's code, or 'connected' */
async function connectTo(
  t: TestContext,
  server: KeyPair,
  { bundle, name }: { readonly bundle: string; readonly name: string },
): Promise<string> {
  const listening = createServer({ cert: server.certificate, key: server.key, minVersion: 'TLSv1.3' });
  listening.on('tlsClientError', () => undefined); // The client says why.
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  t.after(() => listening.close());
  const address = listening.address();
  assert.ok(address !== null && typeof address !== 'string');
  const socket: TLSSocket = connect({ host: '127.0.0.1', port: address.port, ca: bundle, servername: name });
  try {
    return await new Promise((resolve) => {
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  } finally {
    socket.destroy();
  }
}

test('a client that trusts the authority alone accepts the server by each of its names, and nothing else', async (t) => {
  const { state, server } = await rotate(undefined, Date.now(), options);
  const bundle = bundleOf(state);
  for (const name of ['operator.example', 'localhost']) assert.equal(await connectTo(t, server, { bundle, name }), 'connected');
  assert.equal(await connectTo(t, server, { bundle, name: 'other.example' }), 'ERR_TLS_CERT_ALTNAME_INVALID');
  const stranger = await rotate(undefined, Date.now(), options);
  assert.equal(await connectTo(t, stranger.server, { bundle, name: 'operator.example' }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  const pastMs = Date.now() - 100 * dayMs;
  const expired = await makeServerCertificate(state.authority, options.names, { fromMs: pastMs, toMs: pastMs + dayMs });
  assert.equal(await connectTo(t, expired, { bundle, name: 'operator.example' }), 'CERT_HAS_EXPIRED');
});

test('a server may not sign for others', async (t) => {
  const { state, server } = await rotate(undefined, Date.now(), options);
  const forged = await makeServerCertificate(server, options.names, { fromMs: Date.now() - hourMs, toMs: Date.now() + hourMs });
  const chain = { certificate: `${forged.certificate}${server.certificate}`, key: forged.key };
  assert.notEqual(await connectTo(t, chain, { bundle: bundleOf(state), name: 'operator.example' }), 'connected');
});

test('nothing is done while everything is as it should be', async () => {
  const { state, steps } = await rotate(undefined, startMs, options);
  assert.deepEqual(steps, ['makeAuthority', 'makeServer']);
  const again = await rotate(state, startMs + 59 * dayMs, options);
  assert.deepEqual(again, { state, server: state.server, steps: [] });
});

test("a server's certificate is renewed at two thirds of its life, or when its names are not those wanted", async () => {
  const { state, server } = await rotate(undefined, startMs, options);
  const later = await rotate(state, startMs + 60 * dayMs, options);
  assert.deepEqual(later.steps, ['makeServer']);
  assert.equal(later.state.authority, state.authority);
  assert.equal(validityOf(later.server.certificate).toMs, startMs + 150 * dayMs);
  assert.notEqual(later.server.key, server.key);
  const renamed = await rotate(state, startMs, { ...options, names: [...options.names, 'smartcopy.default.svc'] });
  assert.deepEqual(renamed.steps, ['makeServer']);
});

test('the next authority is published, then signs, and the one before stays trusted until what it signed has expired', async () => {
  const first = await rotate(undefined, startMs, options);
  const dueMs = startMs + 2_434 * dayMs; // Two thirds of ten years.
  const refreshed = await rotate(first.state, dueMs - dayMs, options); // Its server certificate is of that day.
  const announced = await rotate(refreshed.state, dueMs, options);
  assert.deepEqual(announced.steps, ['makeNext']);
  assert.equal(announced.server, refreshed.server);
  assert.equal(certificatesIn(bundleOf(announced.state)).length, 2);

  const unpublished = await rotate(announced.state, dueMs + 30 * dayMs, options);
  assert.deepEqual(unpublished.steps, [], 'however long it is not published, it does not sign');
  const published = publish(announced.state, dueMs);
  assert.deepEqual((await rotate(published, dueMs + options.graceMs - 1, options)).steps, []);

  const adopted = await rotate(published, dueMs + options.graceMs, options);
  assert.deepEqual(adopted.steps, ['adoptNext']);
  assert.equal(adopted.state.authority.certificate, announced.state.next?.certificate);
  assert.equal(bundleOf(adopted.state).includes(first.state.authority.certificate), true);
  const untilMs = validityOf(refreshed.server.certificate).toMs;
  assert.equal((await rotate(adopted.state, untilMs - 1, options)).state.retired.length, 1);
  const dropped = await rotate(adopted.state, untilMs, options);
  assert.ok(dropped.steps.includes('dropRetired'));
  assert.equal(bundleOf(dropped.state), adopted.state.authority.certificate);
});

test('no connection fails while authorities change, on either side of the change', async (t) => {
  const nowMs = Date.now();
  const name = 'operator.example';
  const old = await rotate(undefined, nowMs, options);
  const next = await makeAuthority('next', { fromMs: nowMs - hourMs, toMs: nowMs + 3_650 * dayMs });
  const announced: CertificateState = { ...old.state, next: { ...next, publishedAtMs: nowMs - options.graceMs } };
  const adopted = await rotate(announced, nowMs, options);
  assert.deepEqual(adopted.steps, ['adoptNext']);
  assert.equal(await connectTo(t, adopted.server, { bundle: bundleOf(announced), name }), 'connected', 'the bundle from before the change');
  assert.equal(await connectTo(t, old.server, { bundle: bundleOf(adopted.state), name }), 'connected', 'a server from before the change');
  assert.notEqual(
    await connectTo(t, adopted.server, { bundle: bundleOf(old.state), name }),
    'connected',
    'a bundle that was never renewed',
  );
});

test('a secret is read as it was written', async () => {
  const { state } = await rotate(undefined, startMs, options);
  const next = await makeAuthority('next', { fromMs: startMs, toMs: startMs + dayMs });
  const full: CertificateState = {
    ...state,
    next: { ...next, publishedAtMs: startMs + 1_000 },
    retired: [{ certificate: state.authority.certificate, untilMs: startMs + 2_000 }],
  };
  assert.deepEqual(readSecret(writeSecret(full), startMs), { state: full, problems: [] });
  assert.deepEqual(readSecret(writeSecret(state), startMs), { state, problems: [] });
  assert.deepEqual(readSecret({}, startMs), { state: undefined, problems: [] });
});

test('what a secret holds and cannot be used is left out and named, without a word of what it is', async () => {
  const { state } = await rotate(undefined, startMs, options);
  const other = await rotate(undefined, startMs, options);
  const texts = { ...writeSecret(state), 'next-ca.crt': '', 'next-ca.key': '' };
  const { 'next-ca.crt': _crt, 'next-ca.key': _key, ...good } = texts;
  const table: readonly [Record<string, string>, number, string][] = [
    [{ ...good, 'tls.key': other.server.key }, startMs, 'tls.crt with tls.key do not belong together'],
    [{ ...good, 'tls.key': 'garbage' }, startMs, 'tls.crt with tls.key do not belong together'],
    [{ ...good, 'tls.crt': 'garbage' }, startMs, 'tls.crt with tls.key is no certificate'],
    [{ ...good, 'tls.crt': state.authority.certificate, 'tls.key': state.authority.key }, startMs, 'tls.crt with tls.key is an authority'],
    [good, startMs + 91 * dayMs, 'tls.crt with tls.key has expired'],
    [{ ...good, 'next-ca.crt': 'garbage' }, startMs, 'next-ca.crt with next-ca.key is no certificate'],
    [{ ...good, 'rotation.json': '{' }, startMs, 'rotation.json is not what the operator writes'],
    [
      { ...good, 'rotation.json': '{"retired":[{"certificate":"x","until":"2026-01-01T00:00:00Z"}]}' },
      startMs,
      'a retired authority is no certificate',
    ],
  ];
  for (const [secret, atMs, problem] of table) {
    const read = readSecret(secret, atMs);
    assert.deepEqual(read.problems, [problem]);
    assert.deepEqual(read.state?.authority, state.authority, problem);
    assert.equal(read.state?.server === undefined, problem.startsWith('tls'), problem);
    assert.deepEqual([read.state?.next, read.state?.retired], [undefined, []], problem);
  }
  const withoutAuthority = readSecret({ ...good, 'ca.key': other.state.authority.key }, startMs);
  assert.deepEqual(withoutAuthority, { state: undefined, problems: ['ca.crt with ca.key do not belong together'] });
  assert.equal(readSecret({ ...good, 'ca.crt': state.server?.certificate ?? '' }, startMs).state, undefined);
});

function publish(state: CertificateState, publishedAtMs: number): CertificateState {
  assert.ok(state.next !== undefined);
  return { ...state, next: { ...state.next, publishedAtMs } };
}

function certificatesIn(bundle: string): X509Certificate[] {
  return bundle.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
}
