import { statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Screen } from './screen.ts';

/** Ctrl-C and SIGTERM, as two signals to abort by. */
export interface Interruption {
  /** Aborted by the first: end, and keep what is finished. */
  readonly end: AbortSignal;
  /** Aborted by the second: answer at once with what is known. */
  readonly abandon: AbortSignal;
  /**
   * Opens or reads a file whose other end may be somebody else's (a FIFO, a terminal). Nothing is heard in a call that waits for them,
   * so for that time signals have their default effect, or the process could not be ended.
   * @throws AbortError when it was interrupted before; what `use` throws
   */
  readonly useFile: <T>(file: Buffer, use: () => T) => Promise<T>;
}

/** Listens from now on, so that a signal ends the work in good order. The first is answered with a line. */
export function listenForInterruption(screen: Screen): Interruption {
  const end = new AbortController();
  const abandon = new AbortController();
  const listener = (): void => {
    if (end.signal.aborted) {
      abandon.abort();
    } else {
      screen.line('ending; what is finished is kept (once more to leave at once)');
      end.abort();
    }
  };
  const useFile = async <T>(file: Buffer, use: () => T): Promise<T> => {
    if (!mayWait(file)) return use();
    await throwIfInterrupted(end.signal);
    setListener('off', listener);
    try {
      return use();
    } finally {
      setListener('on', listener);
    }
  };
  setListener('on', listener);
  return { end: end.signal, abandon: abandon.signal, useFile };
}

/** Also for a signal that has come and was not heard yet, because the process has been busy since. */
export async function throwIfInterrupted(end: AbortSignal): Promise<void> {
  // The first may come in the turn of the event loop that is under way; before the second it has looked for signals.
  await setImmediate();
  await setImmediate();
  end.throwIfAborted();
}

/** What cannot be looked at is not waited for either: using it will fail with a better word. */
function mayWait(file: Buffer): boolean {
  try {
    return !statSync(file).isFile();
  } catch {
    return false;
  }
}

function setListener(change: 'on' | 'off', listener: () => void): void {
  process[change]('SIGINT', listener);
  process[change]('SIGTERM', listener);
}
