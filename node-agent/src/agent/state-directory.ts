import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { tryLock } from '@smartcopy/native';
import type { Logger } from 'pino';
import { pause } from '../pause.ts';

/** How soon an agent goes on when the one before it has ended: it costs one system call. */
const retryIntervalMs = 250;

/** The directory of what outlives the process, locked against a second agent of the node. */
export class StateDirectory implements Disposable {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /**
   * Makes the directory if it is missing, and waits until no other agent works with it. The lock is the kernel's own (flock): whatever
   * ends a process gives it back, and it holds between pods, which share neither sockets nor process numbers.
   * @returns undefined when the signal was aborted before
   * @throws NodeJS.ErrnoException when the directory cannot be used; NativeError when its file system has no locks
   */
  static async open(path: string, log: Logger, signal: AbortSignal): Promise<StateDirectory | undefined> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      for (let hasToldOthers = false; !tryLock(fd); hasToldOthers = true) {
        if (!hasToldOthers) log.warn({ stateDirectory: path }, 'another agent works on this node, waiting for its end');
        await pause(retryIntervalMs, signal);
        if (signal.aborted) break;
      }
      if (!signal.aborted) return new StateDirectory(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
