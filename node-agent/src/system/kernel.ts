import type { HostFiles } from './host-files.ts';

export interface KernelFacts {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** Confined path resolution, which copying needs: Linux 5.6. */
  readonly hasOpenat2: boolean;
  readonly ioUring: IoUringByKernel;
}

/** What the kernel's version and its switch say about io_uring; whether a ring can be made is the probe's answer. */
interface IoUringByKernel {
  /** None before 5.1; Limited (plain reads and writes) before 5.6; Full from there. */
  readonly support: 'None' | 'Limited' | 'Full';
  /** /proc/sys/kernel/io_uring_disabled: 0 for everyone, 1 only for a group and root, 2 for nobody; absent before 6.6. */
  readonly disabled?: number;
}

export function readKernel(host: HostFiles): KernelFacts {
  const release = host.text('/proc/sys/kernel/osrelease') ?? 'unknown';
  const disabled = host.integer('/proc/sys/kernel/io_uring_disabled');
  return {
    release,
    hasOpenat2: isAtLeast(release, 5, 6),
    ioUring: {
      support: isAtLeast(release, 5, 6) ? 'Full' : isAtLeast(release, 5, 1) ? 'Limited' : 'None',
      ...(disabled === undefined ? {} : { disabled }),
    },
  };
}

function isAtLeast(release: string, major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
