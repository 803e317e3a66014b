import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

const intervalMs = 2; // Some moments that tests wait for are short.
const defaultDeadlineMs = 30_000;

/**
 * Waits until something is so, looking again and again.
 * @param what how an error names what did not come to pass
 * @returns the first answer that is not undefined or false
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = defaultDeadlineMs,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    assert.ok(performance.now() < endMs, `${what}: not within ${deadlineMs / 1000} s`);
    await setTimeout(intervalMs);
  }
}
