import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ControlPlane } from './control-plane.ts';
import { freePort } from './free-port.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { requestOperatorToken, systemNamespace } from './playground-objects.ts';
import { RestartableServer } from './restartable-server.ts';

const program = join(import.meta.dirname, '..', '..', 'operator', 'src', 'main.ts');
const maxPortTries = 5;

const listening = z.object({ msg: z.literal('listening'), agentPort: z.int(), apiPort: z.int(), metricsPort: z.int() });

/** The operator as a process of this host, with the rights of its own account. It keeps its ports when it is started again. */
export class PlaygroundOperator {
  readonly process: RestartableServer<z.infer<typeof listening>>;
  #ports: { readonly agent: number; readonly api: number; readonly metrics: number } | undefined;

  constructor(folder: string, { kubeconfig, more }: { readonly kubeconfig: string; readonly more: readonly string[] }) {
    this.process = new RestartableServer({
      name: 'operator',
      folder,
      logFile: join(folder, 'logs', 'operator.log'),
      listening,
      arguments: () => [
        program,
        `--namespace=${systemNamespace}`,
        `--kubeconfig=${kubeconfig}`,
        '--host=127.0.0.1',
        `--agent-port=${this.#ports?.agent ?? 0}`,
        `--api-port=${this.#ports?.api ?? 0}`,
        `--metrics-port=${this.#ports?.metrics ?? 0}`,
        ...more,
      ],
    });
  }

  /** Starts it. The first time ports are chosen, and others when somebody takes one of them first. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#ports !== undefined) return await this.process.start(signal);
    for (let tries = 1; ; tries += 1) {
      this.#ports = { agent: await freePort(), api: await freePort(), metrics: await freePort() };
      try {
        return await this.process.start(signal);
      } catch (error) {
        const isTaken = this.process.server?.log().includes('EADDRINUSE') === true;
        if (!isTaken || tries === maxPortTries) throw error;
      }
    }
  }

  /** Waits until it has read all objects and serves agents. */
  async untilReady(signal?: AbortSignal): Promise<void> {
    const isReady = async (): Promise<boolean> => (await fetch(`${this.statusUrl}/readyz`)).ok;
    await this.process.server?.until('the operator is ready', isReady, { signal });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    await this.process.kill(signal);
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    await this.process.restart(signal);
  }

  get pid(): number {
    return this.process.pid;
  }

  get logFile(): string {
    return this.process.logFile;
  }

  /** Without a slash at the end, like the others. */
  get agentUrl(): string {
    return `https://127.0.0.1:${this.process.ports.agentPort}`;
  }

  get apiUrl(): string {
    return `https://127.0.0.1:${this.process.ports.apiPort}`;
  }

  /** Below it are /metrics, /healthz and /readyz. */
  get statusUrl(): string {
    return `http://127.0.0.1:${this.process.ports.metricsPort}`;
  }

  get metricsUrl(): string {
    return `${this.statusUrl}/metrics`;
  }
}

/** Writes a kubeconfig with a token of the operator's account. */
export async function writeOperatorKubeconfig(controlPlane: ControlPlane, path: string): Promise<void> {
  const { url, ca } = controlPlane;
  const { token } = await requestOperatorToken(controlPlane);
  await writeFile(path, kubeconfigText({ url, ca, identity: { token } }), { mode: 0o600 });
}
