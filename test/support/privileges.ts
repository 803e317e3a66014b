import process from 'node:process';

/**
 * What starts a program, for `by`, without root's right to read and enter everything, so that modes hold for it. It can still
 * reach what root owns, wherever the repository is.
 */
export function withoutOverride(): readonly string[] {
  return withoutCapabilities(['dac_override', 'dac_read_search']);
}

/** What starts a program, for `by`, without root's right to give files away. */
export function withoutChown(): readonly string[] {
  return withoutCapabilities(['chown']);
}

function withoutCapabilities(names: readonly string[]): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const dropped = names.map((name) => `-${name}`).join(',');
  return ['setpriv', `--inh-caps=${dropped}`, `--bounding-set=${dropped}`];
}

/** What starts a program, for `by`, that may have so many open files and no more. */
export function withOpenFiles(count: number): readonly string[] {
  return ['prlimit', `--nofile=${count}`];
}
