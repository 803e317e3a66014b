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

/** A transfer that starts among many has this many, so that it is not slow for the rest of its life when the others have ended. */
const fewestThreads = 4;

/**
 * The engine threads of a transfer that starts beside others: a share of the CPUs, because each of them thinks of the whole machine.
 * A thread that waits costs its buffer and nothing else, so that some more threads than CPUs do no harm.
 * @param runningCount transfers that run already
 */
export function shareOfThreads(cpus: CpuFacts, runningCount: number): number {
  const all = chooseThreadCount(cpus);
  return Math.min(all, Math.max(fewestThreads, Math.ceil(all / (runningCount + 1))));
}
