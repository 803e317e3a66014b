import type { IoUringProbe } from '@smartcopy/native';
import type { HostFiles } from './host-files.ts';
import type { KernelFacts } from './kernel.ts';

/** What io_uring is worth on this host, and why not more. */
export interface IoUringStatus {
  readonly kernelRelease: string;
  /** The first kernel that has it, and the first that has all that a copier wants of it. */
  readonly minimumRelease: '5.1';
  readonly recommendedRelease: '5.6';
  /** By the kernel's version: Disabled before 5.1, Limited (plain reads and writes) before 5.6, Full from there. */
  readonly tier: 'Disabled' | 'Limited' | 'Full';
  /** A ring was really made. */
  readonly isUsable: boolean;
  /** Of the ring: how many kinds of requests it takes. */
  readonly operationCount?: number;
  readonly reason: string;
}

/** Whether a filter of system calls is laid on this process: mode 2 of seccomp(2). */
export function hasSystemCallFilter(host: HostFiles): boolean {
  return /^Seccomp:\s*2$/m.test(host.text('/proc/self/status') ?? '');
}

/** Puts together what the version promises and what the probe met. Pure. */
export function judgeIoUring(kernel: KernelFacts, probe: IoUringProbe, hasFilter: boolean): IoUringStatus {
  const { support } = kernel.ioUring;
  const common = {
    kernelRelease: kernel.release,
    minimumRelease: '5.1',
    recommendedRelease: '5.6',
    tier: support === 'None' ? 'Disabled' : support,
  } as const;
  if (probe.available) {
    const { operationCount } = probe;
    const reason = support === 'Full' ? 'a ring was made' : 'a ring was made; copying itself needs Linux 5.6, for openat2';
    return { ...common, isUsable: true, operationCount, reason };
  }
  return { ...common, isUsable: false, reason: `${whyRefused(kernel, probe.errno, hasFilter)}; copies use plain system calls instead` };
}

function whyRefused({ ioUring }: KernelFacts, errno: string, hasFilter: boolean): string {
  if (ioUring.support === 'None') return 'the kernel is older than 5.1 and has none';
  if (ioUring.disabled === 2) return 'switched off for everybody (kernel.io_uring_disabled = 2)';
  if (ioUring.disabled === 1 && errno === 'EPERM') return 'kept for root and one group (kernel.io_uring_disabled = 1)';
  if (hasFilter && (errno === 'EPERM' || errno === 'ENOSYS')) return `refused by the seccomp profile of this container (${errno})`;
  if (errno === 'ENOSYS') return 'the kernel was built without it (ENOSYS)';
  if (errno === 'ENOMEM') return 'no memory may be locked for a ring (ENOMEM; see RLIMIT_MEMLOCK)';
  return `no ring can be made (${errno})`;
}
