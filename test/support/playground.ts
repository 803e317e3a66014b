import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { apiVersion, transferPolicyKind } from '@smartcopy/crds';
import { cleanUp } from './clean-up.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { PlaygroundAgent, type PlaygroundRoot } from './playground-agent.ts';
import { createAgentDaemonSet, createNode, isAgentConnected, type ObjectReference, readConfigMap } from './playground-objects.ts';
import { PlaygroundOperator, writeOperatorKubeconfig } from './playground-operator.ts';
import { removeFolder } from './remove-folder.ts';
import { replaceFile } from './replace-file.ts';
import type { RestartableServer } from './restartable-server.ts';
import type { ServerProcess } from './server-process.ts';

export type { PlaygroundAgent } from './playground-agent.ts';
export type { PlaygroundOperator } from './playground-operator.ts';

export interface PlaygroundNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly roots: readonly PlaygroundRoot[];
}

export interface PlaygroundOptions {
  readonly nodes: readonly PlaygroundNode[];
  /** Where it keeps everything, an empty folder; absent makes one of its own, which goes when it is stopped. */
  readonly folder?: string;
  /** More options of the operator, such as `--node-lease=5s`. */
  readonly operatorArguments?: readonly string[];
  /** More options of every agent. */
  readonly agentArguments?: readonly string[];
  /** How long an agent's token is valid; the API server refuses less than ten minutes. */
  readonly tokenLifetimeSeconds?: number;
  /** Hears each step that is done, as a phrase. */
  readonly onStep?: (phrase: string) => void;
  /** Gives up starting it. */
  readonly signal?: AbortSignal;
}

const repository = join(import.meta.dirname, '..', '..');
const manifests = { crds: join(repository, 'crds', 'manifests'), operator: join(repository, 'operator', 'manifests') };
/** As the operator names it. */
const agentCa = { configMap: 'smartcopy-agent-ca', key: 'ca.crt' };
const hourSeconds = 60 * 60;
/** The kubelet takes up to a minute; a person who tries things should not have to wait. */
const caIntervalMs = 1000;
const firstCaIntervalMs = 50;
const firstCaWithinMs = 60_000;

/** A playground for one test, gone with all its traces when the test has ended. */
export async function playground(t: TestContext, options: PlaygroundOptions): Promise<Playground> {
  const started = await startPlayground(options);
  cleanUp(t, () => started.stop());
  return started;
}

/**
 * Starts a control plane, the operator and an agent for each node, each a process of its own, and plays the kubelets and the
 * DaemonSet controller for them. Whoever calls it stops it.
 */
async function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'smartcopy-playground-')));
  const playground = new Playground({ ...options, folder, isFolderOurs: options.folder === undefined });
  try {
    await playground.start();
    return playground;
  } catch (error) {
    await playground.stop();
    throw error;
  }
}

export interface PlacedOptions extends PlaygroundOptions {
  readonly folder: string;
  /** Whether the folder goes when the playground is stopped. */
  readonly isFolderOurs: boolean;
}

/** Not running before `start`; `stop` ends whatever was started, however far that came. */
export class Playground {
  readonly folder: string;
  /** The authorities that the operator's certificate is trusted by, as agents have them. */
  readonly caFile: string;
  readonly #options: PlacedOptions;
  readonly #agents: PlaygroundAgent[] = [];
  readonly #stopping = new AbortController();
  #controlPlane: ControlPlane | undefined;
  #operator: PlaygroundOperator | undefined;
  #daemonSet: ObjectReference | undefined;
  #followingCa: Promise<void> = Promise.resolve();

  constructor(options: PlacedOptions) {
    this.folder = options.folder;
    this.caFile = join(options.folder, 'operator-ca.crt');
    this.#options = options;
  }

  get controlPlane(): ControlPlane {
    return present(this.#controlPlane, 'the control plane');
  }

  get operator(): PlaygroundOperator {
    return present(this.#operator, 'the operator');
  }

  /** The agent of a node: the first, where there are several. */
  agent(nodeName: string): PlaygroundAgent {
    return present(
      this.#agents.find(({ node }) => node === nodeName),
      `the agent of ${nodeName}`,
    );
  }

  get agents(): readonly PlaygroundAgent[] {
    return this.#agents;
  }

  /** Operator and agents, which may be started again when they end. */
  get restartables(): readonly RestartableServer<unknown>[] {
    return [...(this.#operator === undefined ? [] : [this.#operator.process]), ...this.#agents.map((agent) => agent.process)];
  }

  /** All processes of it, in the order they depend on each other. */
  get servers(): readonly ServerProcess[] {
    const own = [this.#operator?.process, ...this.#agents.map((agent) => agent.process)];
    return [...(this.#controlPlane?.servers ?? []), ...own.flatMap((restartable) => restartable?.server ?? [])];
  }

  async start(): Promise<void> {
    const { nodes, folder, operatorArguments = [], onStep = () => undefined, signal } = this.#options;
    const clusterFolder = join(folder, 'cluster');
    await mkdir(clusterFolder);
    await mkdir(join(folder, 'logs'));
    this.#controlPlane = await startControlPlane({ folder: clusterFolder, signal });
    onStep('etcd, kube-apiserver and kube-controller-manager are ready');

    await this.#applyManifests();
    for (const { name, labels = {} } of nodes) await createNode(this.controlPlane, name, labels);
    this.#daemonSet = await createAgentDaemonSet(this.controlPlane);
    onStep(`kinds, roles and ${nodes.length === 1 ? 'the node' : `${nodes.length} nodes`} are made`);

    const kubeconfig = join(folder, 'operator.kubeconfig');
    await writeOperatorKubeconfig(this.controlPlane, kubeconfig);
    this.#operator = new PlaygroundOperator(folder, { kubeconfig, more: operatorArguments });
    await this.#operator.start(signal);
    await this.#writeFirstCa();
    this.#followingCa = this.#followCa();
    await this.operator.untilReady(signal);
    onStep('the operator is ready');

    await Promise.all(nodes.map(({ name }) => this.addAgent(name)));
    for (const { name } of nodes) await this.#untilConnected(name);
    onStep(nodes.length === 1 ? 'the agent is ready' : `${nodes.length} agents are ready`);
  }

  /** `kubectl apply` of objects, or of YAML as text. */
  async apply(what: string | Readonly<Record<string, unknown>>): Promise<void> {
    await this.controlPlane.kubectl(['apply', '-f', '-'], { input: typeof what === 'string' ? what : JSON.stringify(what) });
  }

  /** Applies a TransferPolicy. @param spec as in its YAML */
  async applyPolicy(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.apply({ apiVersion, kind: transferPolicyKind.kind, metadata: { name }, spec });
  }

  /**
   * Starts one more agent on a node: the first, or a second beside it, in a newer pod of its own.
   * @param stateFolder another agent's, when the two are to have the same; each has its own otherwise
   */
  async addAgent(nodeName: string, { stateFolder }: { readonly stateFolder?: string } = {}): Promise<PlaygroundAgent> {
    const agent = await this.prepareAgent(nodeName, { ...(stateFolder === undefined ? {} : { stateFolder }) });
    await agent.start(this.#options.signal);
    return agent;
  }

  /** As addAgent, without starting its process. */
  async prepareAgent(nodeName: string, { stateFolder }: { readonly stateFolder?: string } = {}): Promise<PlaygroundAgent> {
    const { nodes, folder, agentArguments = [], tokenLifetimeSeconds = hourSeconds } = this.#options;
    const { roots } = present(
      nodes.find(({ name }) => name === nodeName),
      `the node ${nodeName}`,
    );
    const others = this.#agents.filter(({ node }) => node === nodeName);
    const name = `smartcopy-agent-${nodeName}-${others.length}`;
    const agent = new PlaygroundAgent({
      controlPlane: this.controlPlane,
      daemonSet: present(this.#daemonSet, 'the DaemonSet'),
      nodeName,
      name,
      folder: join(folder, name),
      logFile: join(folder, 'logs', `${name}.log`),
      roots,
      caFile: this.caFile,
      operatorUrl: () => this.operator.agentUrl,
      tokenLifetimeSeconds,
      more: agentArguments,
      stateFolder,
    });
    this.#agents.push(agent);
    // Which of two pods is newer is told by whole seconds.
    const newestMs = Math.max(0, ...others.map(({ pod }) => pod.createdAtMs));
    await setTimeout(Math.max(0, newestMs + 1000 - Date.now()));
    await agent.prepare();
    return agent;
  }

  /** Ends everything: agents and operator in good order, then the control plane. What one of them throws is thrown at the end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = await Promise.allSettled([
      ...this.#agents.map((agent) => agent.stop()),
      this.#operator?.process.stop(),
      this.#followingCa,
    ]);
    await this.#controlPlane?.stop();
    if (this.#options.isFolderOurs) await removeFolder(this.folder);
    const errors = ended.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (errors.length > 0) throw new AggregateError(errors, 'the playground was not stopped in good order');
  }

  /** Ends everything at once and waits for nothing but the ends. */
  killAll(): void {
    for (const server of this.servers) server.kill('SIGKILL');
  }

  async #applyManifests(): Promise<void> {
    await this.controlPlane.kubectl(['apply', '-f', manifests.crds, '-f', manifests.operator]);
    await this.controlPlane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', manifests.crds]);
  }

  /** Waits until the operator says that it hears from the agent. */
  async #untilConnected(nodeName: string): Promise<void> {
    const isConnected = async (): Promise<boolean> => await isAgentConnected(this.controlPlane, nodeName);
    const agent = present(this.agent(nodeName).process.server, `the agent of ${nodeName}`);
    await agent.until(`the operator hears from ${nodeName}`, isConnected, { signal: this.#options.signal });
  }

  async #writeFirstCa(): Promise<void> {
    const operator = present(this.operator.process.server, 'the operator');
    const text = await operator.until(
      'the operator publishes its certificate authority',
      async () => {
        const found = await this.#readCa();
        if (found === undefined) await setTimeout(firstCaIntervalMs);
        return found;
      },
      { deadlineMs: firstCaWithinMs, signal: this.#options.signal },
    );
    await replaceFile(this.caFile, text);
  }

  /** What a kubelet does for a mounted ConfigMap. */
  async #followCa(): Promise<void> {
    const { signal } = this.#stopping;
    let written: string | undefined;
    while (!signal.aborted) {
      await setTimeout(caIntervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      // While the API server cannot be reached, what was mounted stays.
      const text = await this.#readCa().catch(() => undefined);
      if (text === undefined || text === written) continue;
      await replaceFile(this.caFile, text);
      written = text;
    }
  }

  async #readCa(): Promise<string | undefined> {
    return await readConfigMap(this.controlPlane, agentCa.configMap, agentCa.key);
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no such thing in the playground (yet): ${what}`);
  return value;
}
