import { type GroupLimit, readMemoryLimit } from './control-groups.ts';
import type { HostFiles } from './host-files.ts';
import { readMounts } from './mounts.ts';

export interface MemoryFacts {
  readonly totalBytes?: number;
  /** What could be used without swapping, by the kernel's own estimate. */
  readonly availableBytes?: number;
  /** Of the control groups. The page cache of copied files counts against it. */
  readonly limit?: GroupLimit;
}

/** @param mounts of whoever has read them already */
export function readMemory(host: HostFiles, mounts = readMounts(host)): MemoryFacts {
  const meminfo = host.text('/proc/meminfo') ?? '';
  const totalBytes = kibibytes(meminfo, 'MemTotal');
  const availableBytes = kibibytes(meminfo, 'MemAvailable');
  const limit = readMemoryLimit(host, mounts);
  return {
    ...(totalBytes === undefined ? {} : { totalBytes }),
    ...(availableBytes === undefined ? {} : { availableBytes }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function kibibytes(meminfo: string, key: string): number | undefined {
  const value = new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  return value === undefined ? undefined : Number(value) * 1024;
}
