import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { agentTokenAudience } from '@smartcopy/crds';
import { z } from 'zod';
import type { ControlPlane } from './control-plane.ts';
import { createAgentPod, deletePod, type ObjectReference, requestAgentToken } from './playground-objects.ts';
import { replaceFile } from './replace-file.ts';
import { RestartableServer } from './restartable-server.ts';

export interface PlaygroundRoot {
  readonly alias: string;
  /** As policies and jobs know it; nothing of this host lies there. */
  readonly hostPath: string;
  /** The directory of this host that stands for it. */
  readonly path: string;
}

export interface AgentPlace {
  readonly controlPlane: ControlPlane;
  readonly daemonSet: ObjectReference;
  readonly nodeName: string;
  /** Also of the pod. */
  readonly name: string;
  /** Where its files are; it is made. */
  readonly folder: string;
  readonly logFile: string;
  readonly roots: readonly PlaygroundRoot[];
  readonly caFile: string;
  readonly operatorUrl: () => string;
  readonly tokenLifetimeSeconds: number;
  readonly more: readonly string[];
  /** Another agent's, to see them fight for it; its own when absent. */
  readonly stateFolder?: string | undefined;
}

const program = join(import.meta.dirname, '..', '..', 'node-agent', 'src', 'agent.ts');
const listening = z.object({ msg: z.literal('listening'), metricsPort: z.int() });
/** As the kubelet does it: a new token when a fifth of the old one's time is left. */
const renewAtFraction = 0.8;
const retryRenewalMs = 1000;

/** An agent as a process of this host, with its pod in the API server and the files that a kubelet would mount for it. */
export class PlaygroundAgent {
  readonly place: AgentPlace;
  readonly process: RestartableServer<z.infer<typeof listening>>;
  #pod: ObjectReference | undefined;
  readonly #renewal = new AbortController();
  #renewing: Promise<void> = Promise.resolve();

  constructor(place: AgentPlace) {
    this.place = place;
    this.process = new RestartableServer({
      name: place.name,
      folder: place.folder,
      logFile: place.logFile,
      listening,
      arguments: () => [
        program,
        `--operator=${place.operatorUrl()}`,
        `--state-dir=${this.stateFolder}`,
        `--config=${this.configurationFile}`,
        `--token-file=${this.tokenFile}`,
        `--ca-file=${place.caFile}`,
        '--metrics-port=0',
        '--host=127.0.0.1',
        ...place.more,
      ],
    });
  }

  /** Makes its pod and its files, without the process. */
  async prepare(): Promise<void> {
    const { controlPlane, daemonSet, name, nodeName, roots } = this.place;
    await mkdir(this.stateFolder, { recursive: true });
    await mkdir(this.place.folder, { recursive: true });
    await writeFile(this.configurationFile, `${JSON.stringify({ roots }, null, 2)}\n`);
    this.#pod = await createAgentPod(controlPlane, { daemonSet, name, nodeName });
    this.#renewing = this.#keepToken(await this.renewToken());
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.process.start(signal);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    await this.process.kill(signal);
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    await this.process.restart(signal);
  }

  /** Ends the process and what is done for it. */
  async stop(): Promise<void> {
    this.#renewal.abort();
    await Promise.all([this.process.stop(), this.#renewing]);
  }

  /** Writes a new token into its file. @returns when that one expires, in milliseconds since 1970 */
  async renewToken(): Promise<number> {
    const { controlPlane, tokenLifetimeSeconds } = this.place;
    const options = { pod: this.pod, audience: agentTokenAudience, lifetimeSeconds: tokenLifetimeSeconds };
    const { token, expiresAtMs } = await requestAgentToken(controlPlane, options);
    await replaceFile(this.tokenFile, `${token}\n`);
    return expiresAtMs;
  }

  /** Removes its pod from the API server; the process lives on, and its token is not renewed any more. */
  async deletePod(): Promise<void> {
    this.#renewal.abort();
    await deletePod(this.place.controlPlane, this.pod.name);
  }

  get pod(): ObjectReference {
    if (this.#pod === undefined) throw new Error(`${this.place.name} was not prepared`);
    return this.#pod;
  }

  get node(): string {
    return this.place.nodeName;
  }

  get pid(): number {
    return this.process.pid;
  }

  get logFile(): string {
    return this.process.logFile;
  }

  get stateFolder(): string {
    return this.place.stateFolder ?? join(this.place.folder, 'state');
  }

  /** Read by the agent when it starts: a test may change it between two lives. */
  get configurationFile(): string {
    return join(this.place.folder, 'agent.yaml');
  }

  get tokenFile(): string {
    return join(this.place.folder, 'token');
  }

  /** Below it are /metrics, /healthz and /readyz. It changes with every start. */
  get statusUrl(): string {
    return `http://127.0.0.1:${this.process.ports.metricsPort}`;
  }

  get metricsUrl(): string {
    return `${this.statusUrl}/metrics`;
  }

  /** Ends when it is stopped. While the API server cannot be reached, it tries again. */
  async #keepToken(expiresAtMs: number): Promise<void> {
    const { signal } = this.#renewal;
    let nextMs = (expiresAtMs - Date.now()) * renewAtFraction;
    while (!signal.aborted) {
      await setTimeout(Math.max(nextMs, 0), undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        nextMs = ((await this.renewToken()) - Date.now()) * renewAtFraction;
      } catch {
        nextMs = retryRenewalMs;
      }
    }
  }
}
