import { binding } from './binding.ts';

/**
 * What is wrong with a pattern of `selection`, to be read after its text, as in `'[a' has a '[' that is never closed`.
 * @returns undefined when nothing is
 */
export function checkGlob(pattern: Uint8Array): string | undefined {
  return binding.checkGlob(pattern);
}

/**
 * Whether the engine's matcher finds that a pattern matches; a malformed one matches nothing.
 * @param path relative to the source, without a slash at either end
 */
export function globMatches(pattern: Uint8Array, path: Uint8Array, isDirectory: boolean): boolean {
  return binding.globMatches(pattern, path, isDirectory);
}
