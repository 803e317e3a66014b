import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { DispatcherOptions, KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { OperatorError } from '../errors.ts';

/** What one request needs to reach the API server and to be known there. */
export interface Access {
  /** Without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/**
 * Nobody in the operator asks so much at once: what comes beyond it waits for a connection within its own timeout.
 * HTTP/1.1, because over HTTP/2 one broken connection would break every watch with it.
 */
const dispatcherOptions = { connections: 100, allowH2: false, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 60_000 };
/**
 * With Node's probes, ten that are a second apart, a peer that is gone without a word is noticed after 25 s. One that still answers
 * them but sends nothing is noticed by the caller's timeouts.
 */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 15_000 };

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'>;

type ConnectOptions = typeof keepAlive & { readonly timeout: number };

interface Way {
  /** Its URL. */
  readonly proxy?: string;
  readonly tls: Tls;
}

/** Credentials as they are now: what a KubeConfig reads from files or asks a program for is looked at for every request. */
export class Credentials {
  readonly #kubeConfig: KubeConfig;
  readonly #connect: ConnectOptions;
  #way: Way | undefined;
  #dispatcher: Dispatcher | undefined;
  /** Their last requests are under way. */
  readonly #retired = new Set<Dispatcher>();

  /** @param timeoutMs how long a connection may take to come about */
  constructor(kubeConfig: KubeConfig, timeoutMs: number) {
    this.#kubeConfig = kubeConfig;
    this.#connect = { ...keepAlive, timeout: timeoutMs };
  }

  /** @throws when a file cannot be read, or no cluster is named */
  async current(): Promise<Access> {
    const cluster = this.#kubeConfig.getCurrentCluster();
    if (cluster === null) throw new OperatorError('SC_KUBE_CONFIG', 'the kubeconfig names no current cluster; set its current-context');
    const given: RequestOptions = {};
    await this.#kubeConfig.applyToHTTPSOptions(given);
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = given;
    const tls = { ca, cert, key, pfx, passphrase, ...(rejectUnauthorized !== undefined && { rejectUnauthorized }), servername };
    const dispatcher = this.#dispatcherFor({ ...wayTo(this.#kubeConfig.createDispatcherOptions(cluster, tls)), tls });
    return { server: cluster.server.replace(/\/+$/, ''), headers: headersOf(given), dispatcher };
  }

  /** Ends what is under way, too. */
  async close(): Promise<void> {
    this.renew();
    await Promise.all([...this.#retired].map((dispatcher) => dispatcher.destroy()));
  }

  /**
   * Makes the next request use a new connection. Where one was silent, those that are kept open beside it are as dead, and each
   * would cost a timeout.
   */
  renew(): void {
    if (this.#dispatcher !== undefined) this.#retire(this.#dispatcher);
    this.#dispatcher = undefined;
  }

  /** The same one until certificates change: then what is under way ends on the old connections. */
  #dispatcherFor(way: Way): Dispatcher {
    if (this.#dispatcher !== undefined && isDeepStrictEqual(this.#way, way)) return this.#dispatcher;
    this.renew();
    this.#way = way;
    this.#dispatcher = createDispatcher(way, this.#connect);
    return this.#dispatcher;
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    const drop = (): void => void this.#retired.delete(dispatcher);
    dispatcher.close().then(drop, drop);
  }
}

/** The library allows HTTP without TLS only where the kubeconfig says that nothing is to be verified. */
function wayTo(options: DispatcherOptions): Omit<Way, 'tls'> {
  if (options.type === 'socks') {
    throw new OperatorError('SC_KUBE_CONFIG', `proxy-url ${options.uri}: SOCKS proxies are not supported; use an HTTP proxy`);
  }
  return options.type === 'proxy' ? { proxy: options.uri } : {};
}

function createDispatcher({ proxy, tls }: Way, connect: ConnectOptions): Dispatcher {
  if (proxy === undefined) return new Agent({ ...dispatcherOptions, connect: { ...tls, ...connect } });
  return new ProxyAgent({ ...dispatcherOptions, uri: proxy, requestTls: { ...tls, ...connect }, proxyTls: connect });
}

function headersOf({ headers, auth }: RequestOptions): Readonly<Record<string, string>> {
  const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  return { ...basic, ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])) };
}
