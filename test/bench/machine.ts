import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import process from 'node:process';
import { execute } from '../support/programs.ts';

/** What times depend on, in words. */
export interface Machine {
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly distribution: string;
  readonly node: string;
  /** Of the folder on a disk: its file system, with the options of its mount. */
  readonly disk: string;
}

export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? process.arch,
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
    node: process.version,
    disk: execFileSync('findmnt', ['--noheadings', '--output', 'FSTYPE,OPTIONS', '--target', folder], { encoding: 'utf8' }).trim(),
  };
}

/** Bytes that programs can have without swapping. */
export function availableMemory(): number {
  return memoryBytes('MemAvailable');
}

/** What is left to those who touch memory, so that nothing is taken out of the page cache for it. */
const spareBytes = 512 * 1024 ** 2;

/**
 * Takes free memory and gives it back, so that who takes so many bytes of it next need not wait for the machine below this one: a host with
 * free page reporting takes back what a guest has had free for two seconds, in blocks of 2 MiB, and hands it out again at about 1 GB/s.
 * Whoever writes in large pieces would pay for that, and whoever writes in small ones, from pages just freed, would not. Taken in huge pages,
 * for small ones come from what is in pieces and was never reported; and more than asked for, for what was touched is not all that is chosen
 * from: of 8 runs of a copy of 1.6 GB, 6 were slowed after 1.6 GB in huge pages, 3 after 3 GB, and by less.
 */
export async function touchFreeMemory(bytes: number): Promise<void> {
  const touched = Math.min(2 * bytes + spareBytes, memoryBytes('MemFree') - spareBytes);
  if (touched <= 0) return;
  const fill = `Buffer.alloc(${Math.round(touched)}, 1)`;
  await execute('env', ['GLIBC_TUNABLES=glibc.malloc.hugetlb=1', process.execPath, '--eval', fill]);
}

function memoryBytes(word: 'MemAvailable' | 'MemFree'): number {
  const [, kib] = new RegExp(`^${word}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kib) * 1024;
}
