import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { ApiClient, ApiRefusal, type Identity, type Method } from './api-client.ts';
import { type KubernetesProgram, kubernetesProgram } from './brought-programs.ts';
import { type Credential, makeAuthority, makeTokenKeys } from './certificates.ts';
import { cleanUp } from './clean-up.ts';
import { freePort } from './free-port.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { ServerProcess } from './server-process.ts';

export interface ControlPlaneOptions {
  /** Where it keeps everything; absent makes a folder of its own, which goes when it is stopped. */
  readonly folder?: string;
  /** More options of kube-apiserver. */
  readonly apiServerArguments?: readonly string[];
  /** Gives up starting it. */
  readonly signal?: AbortSignal | undefined;
}

export interface KubectlOptions {
  /** Its standard input, for `apply -f -`. */
  readonly input?: string;
  /** Who asks; the administrator when absent. */
  readonly kubeconfig?: string;
  /** It must end with a failure; the answer is then what it said on standard error. */
  readonly expectFailure?: boolean;
}

/** Of service account tokens: a test that signs one itself needs it. */
export const tokenIssuer = 'https://kubernetes.default.svc.cluster.local';

/** Those that SmartCopy relies on. Others would interfere: who plays the nodes here also plays what watches over nodes and pods. */
const controllers = ['namespace-controller', 'garbage-collector-controller', 'clusterrole-aggregation-controller'];
/** Somebody else on the host may take a port between our look and the server's. */
const maxPortTries = 5;
/** Seconds on an idle machine; starting several at once on a busy one takes a multiple. */
const readyWithinMs = 120_000;
const kubectlTimeoutMs = 120_000;

/** A control plane for one test, gone with all its traces when the test has ended. */
export async function controlPlane(t: TestContext, options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const started = await startControlPlane(options);
  cleanUp(t, () => started.stop());
  return started;
}

/** Starts etcd, kube-apiserver and kube-controller-manager on 127.0.0.1 and waits until they serve. Whoever calls it stops it. */
export async function startControlPlane({ folder, apiServerArguments = [], signal }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'smartcopy-cluster-')));
  const controlPlane = new ControlPlane(await writeFiles(place), { apiServerArguments, isFolderOurs: folder === undefined });
  try {
    await controlPlane.start(signal);
    return controlPlane;
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

interface Files {
  readonly folder: string;
  /** PEM. */
  readonly ca: string;
  readonly admin: Credential;
  /** PEM of the key that signs service account tokens (ES256). */
  readonly tokenKey: string;
  readonly path: (name: string) => string;
}

/** Certificates and keys, as files for the servers. */
async function writeFiles(folder: string): Promise<Files> {
  const path = (name: string): string => join(folder, name);
  const authority = await makeAuthority();
  const [server, admin, tokens] = await Promise.all([
    authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1', 'localhost', 'kubernetes.default.svc'] }),
    authority.issue({ commonName: 'admin', organization: 'system:masters' }),
    makeTokenKeys(),
  ]);
  await mkdir(path('logs'));
  const texts = {
    'ca.crt': authority.certificate,
    'apiserver.crt': server.certificate,
    'apiserver.key': server.key,
    'sa.key': tokens.private,
    'sa.pub': tokens.public,
  };
  for (const [name, text] of Object.entries(texts)) await writeFile(path(name), text, { mode: 0o600 });
  return { folder, ca: authority.certificate, admin, tokenKey: tokens.private, path };
}

/** A running control plane. Each has RBAC, and an administrator of the group system:masters. */
export class ControlPlane {
  /** The administrator's kubeconfig file. */
  readonly adminKubeconfig: string;
  readonly files: Files;
  readonly #options: { readonly apiServerArguments: readonly string[]; readonly isFolderOurs: boolean };
  readonly #clients: ApiClient[] = [];
  readonly #running = new Map<KubernetesProgram, ServerProcess>();
  #port: number | undefined;
  #adminClient: ApiClient | undefined;

  constructor(files: Files, options: { readonly apiServerArguments: readonly string[]; readonly isFolderOurs: boolean }) {
    this.files = files;
    this.#options = options;
    this.adminKubeconfig = files.path('admin.kubeconfig');
  }

  /** Of the API server, without a slash at the end. */
  get url(): string {
    assert.ok(this.#port !== undefined, 'the API server was started');
    return `https://127.0.0.1:${this.#port}`;
  }

  /** PEM of the authority that signed the API server's certificate. */
  get ca(): string {
    return this.files.ca;
  }

  get folder(): string {
    return this.files.folder;
  }

  /** What runs for it, to notice when one ends. */
  get servers(): readonly ServerProcess[] {
    return [...this.#running.values()];
  }

  async start(signal?: AbortSignal): Promise<void> {
    this.#startEtcd();
    await this.startApiServer(signal);
    const { url, ca } = this;
    await writeFile(this.adminKubeconfig, kubeconfigText({ url, ca, identity: this.files.admin }), { mode: 0o600 });
    this.#startControllerManager();
  }

  /** Asks as the administrator and gives the parsed answer; a PATCH is a merge patch. Throws ApiRefusal for every status from 300. */
  async request(method: Method, path: string, body?: unknown): Promise<unknown> {
    return await this.#asAdmin().request(method, path, body);
  }

  /** Asks as somebody else, such as a service account by its token; nobody when the identity is undefined. */
  as(identity: Identity): ApiClient {
    const client = new ApiClient(this.url, this.ca, identity);
    this.#clients.push(client);
    return client;
  }

  /** The API server's own metrics, as text for Prometheus. */
  async metrics(): Promise<string> {
    const answer = await this.#asAdmin().ask('GET', '/metrics');
    if (answer.status !== 200) throw new ApiRefusal('GET /metrics', answer);
    return answer.text;
  }

  /**
   * Runs kubectl to its end.
   * @returns its standard output
   * @throws with its own words when it fails, or when it does not although that was expected
   */
  async kubectl(kubectlArguments: readonly string[], { input, kubeconfig, expectFailure = false }: KubectlOptions = {}): Promise<string> {
    const environment = { ...this.#environment(), KUBECONFIG: kubeconfig ?? this.adminKubeconfig };
    const ended = await runToEnd(kubernetesProgram('kubectl'), kubectlArguments, { environment, input: input ?? '' });
    const hasFailed = ended.status !== 0;
    const what = `kubectl ${kubectlArguments.join(' ')}`;
    if (hasFailed && !expectFailure) throw new Error(`${what}: ${ended.stderr.trim() || `it ended with ${ended.status}`}`);
    if (!hasFailed && expectFailure) throw new Error(`${what}: it succeeded, saying: ${ended.stdout}`);
    return hasFailed ? ended.stderr : ended.stdout;
  }

  /** Ends the API server alone, at once: asked to, it waits a minute for whoever watches. What it knows is in etcd. */
  async stopApiServer(): Promise<void> {
    await this.#kill('kube-apiserver');
  }

  /** Starts it, at the same URL as before if there was one, and waits until it is ready. */
  async startApiServer(signal?: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const port = this.#port ?? (await freePort());
      const server = this.#startApiServerAt(port);
      try {
        await this.#untilReady(server, port, signal);
        this.#port = port;
        return;
      } catch (error) {
        const isTaken = server.hasEnded() && server.log().includes('address already in use');
        await this.#kill('kube-apiserver');
        if (!isTaken || this.#port !== undefined || tries === maxPortTries) throw error;
      }
    }
  }

  /** Ends everything, at once: nothing of it is kept. */
  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await Promise.all([...this.#running.keys()].map((name) => this.#kill(name)));
    if (this.#options.isFolderOurs) await rm(this.folder, { recursive: true, force: true });
  }

  /** Names of sockets, not ports: nobody can take them, and nobody else on the host can reach etcd. They lie in its folder. */
  #startEtcd(): void {
    const [clients, peers] = ['unix://clients:0', 'unix://peers:0'];
    this.#run('etcd', [
      '--name=etcd',
      `--data-dir=${this.files.path('etcd')}`,
      '--unsafe-no-fsync',
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=etcd=${peers}`,
      '--log-level=warn',
    ]);
  }

  #startApiServerAt(port: number): ServerProcess {
    const { path } = this.files;
    return this.#run('kube-apiserver', [
      `--etcd-servers=unix://${path('clients:0')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none', // Nobody reaches it as a Service, and that one refuses addresses of the host itself.
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      `--client-ca-file=${path('ca.crt')}`,
      `--tls-cert-file=${path('apiserver.crt')}`,
      `--tls-private-key-file=${path('apiserver.key')}`,
      `--service-account-issuer=${tokenIssuer}`,
      `--service-account-key-file=${path('sa.pub')}`,
      `--service-account-signing-key-file=${path('sa.key')}`,
      ...this.#options.apiServerArguments,
    ]);
  }

  async #untilReady(server: ServerProcess, port: number, signal: AbortSignal | undefined): Promise<void> {
    const patience = { deadlineMs: readyWithinMs, signal };
    const client = new ApiClient(`https://127.0.0.1:${port}`, this.ca, this.files.admin);
    const answers = async (path: string): Promise<boolean> => {
      try {
        return (await client.ask('GET', path)).status === 200;
      } catch {
        return false; // It does not listen yet.
      }
    };
    try {
      await server.until('the API server is ready', () => answers('/readyz'), patience);
      // Made by the API server too, but a moment later; events go there.
      await server.until('there is a namespace default', () => answers('/api/v1/namespaces/default'), patience);
    } finally {
      client.close();
    }
  }

  #startControllerManager(): void {
    this.#run('kube-controller-manager', [
      `--kubeconfig=${this.adminKubeconfig}`,
      `--controllers=${controllers.join(',')}`,
      '--secure-port=0',
      '--leader-elect=false',
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ]);
  }

  #run(name: KubernetesProgram, programArguments: readonly string[]): ServerProcess {
    const { folder, path } = this.files;
    const logFile = path(join('logs', `${name}.log`));
    const options = {
      name,
      program: kubernetesProgram(name),
      arguments: programArguments,
      folder,
      environment: this.#environment(),
      logFile,
    };
    const server = new ServerProcess(options);
    this.#running.set(name, server);
    return server;
  }

  async #kill(name: KubernetesProgram): Promise<void> {
    const server = this.#running.get(name);
    this.#running.delete(name);
    server?.kill('SIGKILL');
    await server?.ended;
  }

  #asAdmin(): ApiClient {
    this.#adminClient ??= this.as(this.files.admin);
    return this.#adminClient;
  }

  /** Nothing of the user's: not their kubeconfig, not their proxy; what is remembered in HOME goes with the folder. */
  #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.folder };
  }
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runToEnd(
  program: string,
  programArguments: readonly string[],
  { environment, input }: { readonly environment: NodeJS.ProcessEnv; readonly input: string },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, { env: environment, timeout: kubectlTimeoutMs, killSignal: 'SIGKILL' });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...output }));
    child.stdin.on('error', () => undefined); // It ended without reading its input: its status says what there is to say.
    child.stdin.end(input);
  });
}
