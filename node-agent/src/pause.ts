import { setTimeout } from 'node:timers/promises';

/** Waits, but not beyond the moment at which the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** Whether something ends in time. It goes on if not: what cannot be stopped, such as a call of a file system, can only be left. */
export async function endsWithin(ms: number, ending: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([ending.then(() => true), pause(ms, over.signal).then(() => false)]);
  } finally {
    over.abort();
  }
}

/** @throws the reason of the signal, as soon as that is aborted and before the work has ended; the work is left then */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(signal.reason);
  signal.addEventListener('abort', give, { once: true });
  if (signal.aborted) give();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}
