import { setTimeout } from 'node:timers/promises';

/** Waits, but not beyond the moment at which the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch((error) => {
    if (!signal.aborted) throw error;
  });
}
