import { Worker } from 'node:worker_threads';
import type { DirectoryFacts } from './look-at-directory.ts';

/** What came of a look: the facts, or the code of the error for which there are none. */
export type DirectoryAnswer =
  | { readonly kind: 'there'; readonly facts: DirectoryFacts }
  | { readonly kind: 'absent'; readonly code: string };

/** It reads some small files of /proc and /sys. */
const maxThreadMib = 16;

/**
 * Looks at directories without waiting for their file systems in a thread that is needed for anything else: Node has four for all of its
 * calls, and as many hanging directories would stop everything. One thread serves as long as it is answered; one that hangs is left
 * with its directory, and the next look gets another.
 */
export class DirectoryLooks {
  #idle: Worker | undefined;

  /** Makes a thread if none is idle, so that its start does not count as a wait for a file system. @throws when it cannot be made */
  async prepare(): Promise<void> {
    if (this.#idle !== undefined) return;
    const thread = new Worker(new URL('./look-thread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxThreadMib },
    });
    thread.on('error', () => {
      if (this.#idle === thread) this.#idle = undefined;
    });
    await nextMessage(thread);
    this.#keep(thread);
  }

  /** @param path absolute @returns once the file system answers, which may be never @throws when the thread dies, or could not be made */
  async look(path: string): Promise<DirectoryAnswer> {
    await this.prepare();
    const thread = this.#idle;
    if (thread === undefined) return await this.look(path); // Another look was faster.
    this.#idle = undefined;
    thread.ref();
    const answering = nextMessage<DirectoryAnswer>(thread);
    thread.postMessage(path);
    const answer = await answering;
    this.#keep(thread);
    return answer;
  }

  /** An idle thread does not keep the process alive; one is enough. */
  #keep(thread: Worker): void {
    thread.unref();
    if (this.#idle === undefined) this.#idle = thread;
    else void thread.terminate();
  }
}

function nextMessage<Message>(thread: Worker): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  thread.once('message', resolve);
  thread.once('error', reject);
  return promise.finally(() => {
    thread.off('message', resolve);
    thread.off('error', reject);
  });
}
