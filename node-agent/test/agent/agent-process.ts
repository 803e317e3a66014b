import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { ServerProcess } from '../../../test/support/server-process.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { plantTree, type TreeDescription } from '../../../test/support/tree.ts';
import { OperatorPeer } from '../sync/operator-peer.ts';

const program = join(import.meta.dirname, '..', '..', 'src', 'agent.ts');
const logLine = z.looseObject({ msg: z.string(), metricsPort: z.int().optional() });
export type LogLine = z.infer<typeof logLine>;

/** A node for agent processes: its roots, a state directory, what a kubelet would mount, and an operator's peer. */
export class AgentNode {
  readonly folder: string;
  readonly peer: OperatorPeer;
  readonly #t: TestContext;
  #count = 0;

  private constructor(t: TestContext, folder: string, peer: OperatorPeer) {
    this.#t = t;
    this.folder = folder;
    this.peer = peer;
  }

  static async make(t: TestContext, source: TreeDescription): Promise<AgentNode> {
    const node = new AgentNode(t, await temporaryFolder(t), await OperatorPeer.start(t));
    plantTree(node.path('data'), source);
    mkdirSync(node.path('archive'));
    const roots = ['data', 'archive'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: node.path(alias) }));
    writeFileSync(node.path('agent.yaml'), JSON.stringify({ roots }));
    writeFileSync(node.path('ca.crt'), node.peer.authority.certificate);
    writeFileSync(node.path('token'), 'a-very-secret-token');
    return node;
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts an agent, and waits until it listens. */
  async start(...more: readonly string[]): Promise<AgentProcess> {
    this.#count += 1;
    const server = new ServerProcess({
      name: `agent ${this.#count}`,
      program: process.execPath,
      arguments: [
        program,
        `--operator=${this.peer.url}`,
        `--state-dir=${this.path('state')}`,
        `--config=${this.path('agent.yaml')}`,
        `--token-file=${this.path('token')}`,
        `--ca-file=${this.path('ca.crt')}`,
        '--host=127.0.0.1',
        '--metrics-port=0',
        ...more,
      ],
      folder: this.folder,
      environment: {},
      logFile: this.path(`agent-${this.#count}.log`),
    });
    const agent = new AgentProcess(server);
    cleanUp(this.#t, () => server.stop({ graceMs: 10_000 }));
    await server.until('it listens', () => agent.find('listening'));
    return agent;
  }
}

export class AgentProcess {
  readonly server: ServerProcess;

  constructor(server: ServerProcess) {
    this.server = server;
  }

  /** What it has logged so far. */
  get lines(): readonly LogLine[] {
    const whole = this.server.log().split('\n').slice(0, -1);
    return whole.map((line) => logLine.parse(JSON.parse(line)));
  }

  find(msg: string): LogLine | undefined {
    return this.lines.find((line) => line.msg === msg);
  }

  /** Sends a signal and waits until the process is gone. @returns how long that took, in milliseconds */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
    const atMs = performance.now();
    this.server.kill(signal);
    await this.server.ended;
    return performance.now() - atMs;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.find('listening')?.metricsPort}${path}`);
    return { status: response.status, text: await response.text() };
  }
}
