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
 * Takes so many bytes of free memory and gives them back, so that the next who takes them need not wait for the machine below this one:
 * a host with free page reporting takes back what a guest has had free for two seconds, in blocks of 2 MiB, and hands it out again at
 * about 1 GB/s. Whoever writes in large pieces would pay for that, and whoever writes in small ones, from pages just freed, would not.
 */
export async function touchFreeMemory(bytes: number): Promise<void> {
  const touched = Math.min(bytes, memoryBytes('MemFree') - spareBytes);
  if (touched <= 0) return;
  await execute(process.execPath, ['--eval', `Buffer.alloc(${Math.round(touched)}, 1)`]);
}

function memoryBytes(word: 'MemAvailable' | 'MemFree'): number {
  const [, kib] = new RegExp(`^${word}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kib) * 1024;
}
