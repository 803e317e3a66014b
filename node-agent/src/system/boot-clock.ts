import { bootTimeMs } from '@smartcopy/native';
import type { HostFiles } from './host-files.ts';

/** Time since this machine started: what a lease is counted by. It goes on while the machine sleeps and never jumps. */
export interface BootClock {
  /** Of this start of the machine: a moment of another one means nothing. */
  readonly bootId: string;
  /** Milliseconds since then. */
  nowMs(): number;
}

export function readBootClock(host: HostFiles): BootClock {
  return { bootId: host.text('/proc/sys/kernel/random/boot_id') ?? 'unknown', nowMs: bootTimeMs };
}
