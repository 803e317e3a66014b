import { join } from 'node:path';
import type { HostFiles } from './host-files.ts';

/** What of a processor makes hashing and copying fast. */
export interface CpuDetails {
  readonly features: Readonly<Record<'avx2' | 'avx512' | 'shaNi' | 'neon' | 'sha2', boolean>>;
  /** Of the first CPU, nearest first. */
  readonly caches: readonly CpuCache[];
}

interface CpuCache {
  readonly level: number;
  readonly type: string;
  readonly sizeKib: number;
  /** CPUs that share it, as the kernel lists them. */
  readonly sharedBy: string;
}

export function readCpuDetails(host: HostFiles): CpuDetails {
  // x86 says `flags`, arm64 `Features`.
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(host.text('/proc/cpuinfo') ?? '')?.[1]?.split(' '));
  return {
    features: {
      avx2: flags.has('avx2'),
      avx512: flags.has('avx512f') && flags.has('avx512vl'),
      shaNi: flags.has('sha_ni'),
      neon: flags.has('asimd'),
      sha2: flags.has('sha2'),
    },
    caches: readCaches(host),
  };
}

function readCaches(host: HostFiles): readonly CpuCache[] {
  const folder = '/sys/devices/system/cpu/cpu0/cache';
  return host
    .names(folder)
    .filter((name) => /^index\d+$/.test(name))
    .flatMap((name) => {
      const [level, type, size] = ['level', 'type', 'size'].map((file) => host.text(join(folder, name, file)));
      const [, number, unit] = /^(\d+)([KM]?)$/.exec(size ?? '') ?? [];
      if (level === undefined || type === undefined || number === undefined) return [];
      const sizeKib = unit === 'M' ? Number(number) * 1024 : Number(number);
      return [{ level: Number(level), type, sizeKib, sharedBy: host.text(join(folder, name, 'shared_cpu_list')) ?? '' }];
    });
}
