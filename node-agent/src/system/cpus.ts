import { type GroupLimit, readCpuLimit } from './control-groups.ts';
import { parseCpuList } from './cpu-list.ts';
import type { HostFiles } from './host-files.ts';
import { readMounts } from './mounts.ts';

/** What limits the CPUs this process may use. */
export interface CpuFacts {
  /** Switched on in this machine. */
  readonly onlineCount: number;
  /** Those this process may be scheduled on: taskset, Slurm, cpuset groups. */
  readonly affinityCount: number;
  /** CPU time of the control groups, in CPUs. */
  readonly limit?: GroupLimit;
  readonly model?: string;
}

/** @param mounts of whoever has read them already */
export function readCpus(host: HostFiles, mounts = readMounts(host)): CpuFacts {
  const affinity = /^Cpus_allowed_list:\s*(\S+)$/m.exec(host.text('/proc/self/status') ?? '')?.[1];
  const onlineCount = countList(host.text('/sys/devices/system/cpu/online') ?? affinity ?? '0');
  const limit = readCpuLimit(host, mounts);
  const model = /^model name\s*:\s*(.+)$/m.exec(host.text('/proc/cpuinfo') ?? '')?.[1];
  return {
    onlineCount,
    affinityCount: affinity === undefined ? onlineCount : countList(affinity),
    ...(limit === undefined ? {} : { limit }),
    ...(model === undefined ? {} : { model }),
  };
}

/**
 * How many CPUs' worth of work this process can do at once, rounded up: a quota of 1.5 CPUs keeps two threads busy. At least 1,
 * also where the files that say it are there and empty, as sandboxes make them.
 */
export function usableCpuCount({ affinityCount, limit }: CpuFacts): number {
  return Math.max(1, limit === undefined ? affinityCount : Math.min(affinityCount, Math.ceil(limit.value)));
}

function countList(list: string): number {
  return parseCpuList(list).length;
}
