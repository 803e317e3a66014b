import process from 'node:process';

/**
 * What starts a program, for `by`, without root's right to read and enter everything, so that modes hold for it. It can still
 * reach what root owns, wherever the repository is.
 */
export function withoutOverride(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const dropped = '-dac_override,-dac_read_search';
  return ['setpriv', `--inh-caps=${dropped}`, `--bounding-set=${dropped}`];
}

/** What starts a program, for `by`, that may have so many open files and no more. */
export function withOpenFiles(count: number): readonly string[] {
  return ['prlimit', `--nofile=${count}`];
}
