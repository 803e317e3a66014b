import { isDeepStrictEqual } from 'node:util';
import { operatorTlsName, storedMeta } from '@smartcopy/crds';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { isAlreadyExists, isConflict } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { coreResource, type ObjectKey, type Resource } from '../kube/resource.ts';
import { pauseUnlessStopped } from '../kube/waiting.ts';
import type { KeyPair } from './certificate-authority.ts';
import { bundleOf, type RotationOptions, rotate } from './certificate-rotation.ts';
import { readSecret, type SecretTexts, writeSecret } from './certificate-secret.ts';

export interface CertificatesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** More names by which the operator is called, such as that of its Service. */
  readonly moreNames?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly authorityLifetimeMs?: number;
  readonly serverLifetimeMs?: number;
  readonly graceMs?: number;
  readonly checkIntervalMs?: number;
}

/** Certificates and keys, for the operator alone. */
const certificateSecretName = 'smartcopy-agent-tls';
/** What agents trust, in the member ca.crt. */
const certificateBundleName = 'smartcopy-agent-ca';

const dayMs = 24 * 3_600_000;
const defaultAuthorityLifetimeMs = 3_650 * dayMs;
const defaultServerLifetimeMs = 90 * dayMs;
/** The kubelet brings a changed ConfigMap to its pods within two minutes; agents that are away for a day find it when they start. */
const defaultGraceMs = dayMs;
/** Two small reads: what somebody deletes or changes by hand is mended within a minute. */
const defaultCheckIntervalMs = 60_000;
/** After a failure; the certificate in use stays. */
const retryMs = 5_000;
/** Every loss of a race means that another operator wrote. */
const maxRaces = 10;

/**
 * The certificates of the operator's servers, made by itself: an authority that agents trust through a ConfigMap, and a server's certificate
 * signed by it. Kept in a Secret, renewed in time, the next authority long published before it signs.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #rotation: RotationOptions;
  readonly #checkIntervalMs: number;
  readonly #listeners: ((server: KeyPair) => void)[] = [];
  #current: KeyPair | undefined;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#checkIntervalMs = options.checkIntervalMs ?? defaultCheckIntervalMs;
    this.#rotation = {
      authorityLifetimeMs: options.authorityLifetimeMs ?? defaultAuthorityLifetimeMs,
      serverLifetimeMs: options.serverLifetimeMs ?? defaultServerLifetimeMs,
      graceMs: options.graceMs ?? defaultGraceMs,
      names: [operatorTlsName, 'localhost', '127.0.0.1', '::1', ...(options.moreNames ?? [])],
    };
  }

  /** @param listener called with what the servers are to show from now on */
  onChange(listener: (server: KeyPair) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Makes, renews and publishes what is missing or due.
   * @returns what the servers are to show
   * @throws KubeApiError and its like when the API server does not let it
   */
  async check(signal: AbortSignal): Promise<KeyPair> {
    for (let tries = 1; ; tries += 1) {
      try {
        const server = await this.#checkOnce(signal);
        this.#use(server);
        return server;
      } catch (error) {
        if (!isRaceLost(error) || tries >= maxRaces) throw error;
      }
    }
  }

  /** Checks again and again until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pauseUnlessStopped(await this.#checkInBackground(signal), signal);
    }
  }

  async #checkInBackground(signal: AbortSignal): Promise<number> {
    try {
      await this.check(signal);
      return this.#checkIntervalMs;
    } catch (error) {
      if (!signal.aborted) this.#options.log.warn({ err: error }, 'certificates could not be checked');
      return Math.min(retryMs, this.#checkIntervalMs);
    }
  }

  /** In this order, so that dying between two steps loses nothing: keys are kept before anybody trusts them, and trusted before they are used. */
  async #checkOnce(signal: AbortSignal): Promise<KeyPair> {
    const { client, clock, log } = this.#options;
    const found = await client.get(secrets, this.#key(certificateSecretName), signal);
    const { state: kept, problems } = readSecret(found === undefined ? {} : fromData(found.data), clock.now());
    if (problems.length > 0) log.warn({ problems }, 'what the secret holds cannot be used and is made anew');
    const { state, server, steps } = await rotate(kept, clock.now(), this.#rotation);
    const isSame = steps.length === 0 && problems.length === 0;
    const stored = isSame ? found : await this.#write(secrets, found ?? certificateSecretName, toData(writeSecret(state)), signal);
    if (steps.length > 0) log.info({ steps }, 'certificates renewed');
    await this.#publish(bundleOf(state), signal);
    if (state.next !== undefined && state.next.publishedAtMs === undefined && stored !== undefined) {
      const published = { ...state, next: { ...state.next, publishedAtMs: clock.now() } };
      await this.#write(secrets, stored, toData(writeSecret(published)), signal);
    }
    return server;
  }

  async #publish(bundle: string, signal: AbortSignal): Promise<void> {
    const data = { [bundleMember]: bundle };
    const found = await this.#options.client.get(configMaps, this.#key(certificateBundleName), signal);
    if (!isDeepStrictEqual(found?.data, data)) await this.#write(configMaps, found ?? certificateBundleName, data, signal);
  }

  /** Makes `data` all that the object holds, and leaves what others say about it. @param found what it was, or the name of what was not there */
  async #write(resource: Resource<DataObject>, found: DataObject | string, data: Data, signal: AbortSignal): Promise<DataObject> {
    const { client, namespace } = this.#options;
    if (typeof found === 'string') return await client.create(resource, { metadata: { namespace, name: found }, data }, signal);
    const { name, resourceVersion } = found.metadata;
    const gone = Object.fromEntries(Object.keys(found.data).map((member) => [member, null]));
    return await client.patch(resource, this.#key(name), { metadata: { resourceVersion }, data: { ...gone, ...data } }, signal);
  }

  #use(server: KeyPair): void {
    if (this.#current?.certificate === server.certificate) return;
    this.#current = server;
    for (const listener of this.#listeners) listener(server);
  }

  #key(name: string): ObjectKey {
    return { namespace: this.#options.namespace, name };
  }
}

const bundleMember = 'ca.crt';

type Data = Readonly<Record<string, string>>;

/** A Secret or a ConfigMap. */
const dataObject = z.object({ metadata: storedMeta, data: z.record(z.string(), z.string()).default({}) });
type DataObject = z.infer<typeof dataObject>;

const secrets = coreResource({ kind: 'Secret', plural: 'secrets', scope: 'Namespaced' }, dataObject);
const configMaps = coreResource({ kind: 'ConfigMap', plural: 'configmaps', scope: 'Namespaced' }, dataObject);

function toData(texts: SecretTexts): Data {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

function fromData(data: Data): SecretTexts {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
}

/** Another operator wrote between our look and our write. */
function isRaceLost(error: unknown): boolean {
  return isConflict(error) || isAlreadyExists(error);
}
