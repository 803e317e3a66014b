import { binding } from './binding.ts';

/**
 * Milliseconds since the machine started, by CLOCK_BOOTTIME: it never jumps and goes on while the machine sleeps. Asked of the kernel,
 * because /proc/uptime (and with it os.uptime) is the container's own age where lxcfs stands in for it.
 */
export function bootTimeMs(): number {
  return binding.bootTimeMs();
}
