import { performance } from 'node:perf_hooks';
import process from 'node:process';

/** A set-up that cannot go on for a reason the user can act on. The message is one sentence; nothing else is shown of it. */
export class SetUpError extends Error {
  /** @override */
  name = 'SetUpError';

  /**
   * @param {string} sentence what is wrong and what to do
   * @param {string} [details] the last words of the tool that failed
   */
  constructor(sentence, details) {
    super(sentence);
    this.details = details;
  }
}

/** @param {string} sentence */
export function say(sentence) {
  process.stderr.write(`smartcopy: ${sentence}\n`);
}

/**
 * Does one step and shows it with its time. What takes no time (a step done earlier) is not shown: call this for work only.
 * @template Result
 * @param {string} title a phrase such as `building the addon`
 * @param {() => Promise<Result>} work
 */
export async function step(title, work) {
  process.stderr.write(`smartcopy: ${title} ... `);
  const startMs = performance.now();
  try {
    const result = await work();
    process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/**
 * Shows how far the step is that runs now.
 * @param {string} words such as `40 %`
 */
export function showProgress(words) {
  process.stderr.write(`${words} ... `);
}
