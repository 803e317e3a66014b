import { type CpuFacts, usableCpuCount } from './cpus.ts';

/** The most threads one transfer may have. */
export const maxThreadCount = 256;

/**
 * The engine threads of a transfer that names no number: one for each CPU that may be used. More only wait for each other on a warm
 * page cache, and a control group's quota would stop them all for the rest of its period.
 */
export function chooseThreadCount(cpus: CpuFacts): number {
  return Math.min(usableCpuCount(cpus), maxThreadCount);
}
