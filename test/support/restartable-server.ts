import assert from 'node:assert/strict';
import process from 'node:process';
import { z } from 'zod';
import { ServerProcess } from './server-process.ts';

export interface RestartableOptions<Ports> {
  readonly name: string;
  readonly folder: string;
  readonly logFile: string;
  /** What Node is started with; asked at every start. */
  readonly arguments: () => readonly string[];
  /** The line of its log that says where it listens. */
  readonly listening: z.ZodType<Ports>;
}

const graceMs = 20_000;

/** One of our own programs, which a test may kill and start again. Its log is kept over all its lives. */
export class RestartableServer<Ports> {
  readonly #options: RestartableOptions<Ports>;
  #server: ServerProcess | undefined;
  #ports: Ports | undefined;

  constructor(options: RestartableOptions<Ports>) {
    this.#options = options;
  }

  /** Starts it and waits until it listens. @throws with its last words when it ends instead */
  async start(signal?: AbortSignal): Promise<void> {
    assert.ok(this.#server === undefined || this.#server.hasEnded(), `${this.#options.name} is not running yet`);
    const { name, folder, logFile } = this.#options;
    const environment = { PATH: process.env.PATH, HOME: folder };
    const server = new ServerProcess({
      name,
      program: process.execPath,
      arguments: this.#options.arguments(),
      folder,
      environment,
      logFile,
    });
    this.#server = server;
    this.#ports = await server.until(`${name} listens`, () => this.#findListening(server.log()), { signal });
  }

  /** Sends a signal and waits until the process is gone; nothing happens when it is gone already. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    this.#server?.kill(signal);
    await this.#server?.ended;
  }

  /** Sends a signal that does not end it, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#server?.kill(signal);
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Ends it in good order, by force when that takes too long. */
  async stop(): Promise<void> {
    await this.#server?.stop({ graceMs });
  }

  get pid(): number {
    const pid = this.#server?.pid;
    assert.ok(pid !== undefined, `${this.#options.name} was started`);
    return pid;
  }

  get ports(): Ports {
    assert.ok(this.#ports !== undefined, `${this.#options.name} was started`);
    return this.#ports;
  }

  /** The process of its present life. */
  get server(): ServerProcess | undefined {
    return this.#server;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  #findListening(log: string): Ports | undefined {
    const lines = log.split('\n').filter((line) => line.includes('listening'));
    for (const line of lines) {
      const { data } = z.preprocess(parseJson, this.#options.listening).safeParse(line);
      if (data !== undefined) return data;
    }
    return undefined;
  }
}

/** A line that is not JSON, or not wholly written yet, is no answer. */
function parseJson(line: unknown): unknown {
  try {
    return JSON.parse(String(line));
  } catch {
    return undefined;
  }
}
