import { join } from 'node:path';
import type { HostFiles } from './host-files.ts';
import type { Mount } from './mounts.ts';

/** A limit that a control group sets, and the directory that sets it. */
export interface GroupLimit {
  readonly version: 1 | 2;
  readonly directory: string;
  /** CPUs (a fraction is possible) or bytes, as the reader says. */
  readonly value: number;
}

/** One group this process is in, from the group itself up to the topmost one that is visible. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly directories: readonly string[];
}

/**
 * The least number of CPUs' worth of time that the process's groups allow it, in whole hierarchies: a parent's quota
 * binds its children. Both versions are read, because a machine may have both mounted.
 */
export function readCpuLimit(host: HostFiles, mounts: readonly Mount[]): GroupLimit | undefined {
  return least(findHierarchies(host, mounts, 'cpu'), (version, directory) =>
    version === 2 ? cpuMax(host, directory) : cfsQuota(host, directory),
  );
}

/** The least number of bytes of memory (page cache included) that the process's groups allow it. */
export function readMemoryLimit(host: HostFiles, mounts: readonly Mount[]): GroupLimit | undefined {
  return least(findHierarchies(host, mounts, 'memory'), (version, directory) =>
    version === 2 ? host.integer(join(directory, 'memory.max')) : limitInBytes(host, directory),
  );
}

type LimitReader = (version: 1 | 2, directory: string) => number | undefined;

function least(hierarchies: readonly Hierarchy[], read: LimitReader): GroupLimit | undefined {
  let lowest: GroupLimit | undefined;
  for (const { version, directories } of hierarchies) {
    for (const directory of directories) {
      const value = read(version, directory);
      // Too many digits to be a number, or a sign: nothing that a kernel sets.
      if (value === undefined || !Number.isFinite(value) || value < 0) continue;
      if (lowest === undefined || value < lowest.value) lowest = { version, directory, value };
    }
  }
  return lowest;
}

function findHierarchies(host: HostFiles, mounts: readonly Mount[], controller: 'cpu' | 'memory'): readonly Hierarchy[] {
  const lines = host.text('/proc/self/cgroup')?.split('\n') ?? [];
  const found: Hierarchy[] = [];
  for (const line of lines) {
    // `<hierarchy>:<controllers>:<path>`; hierarchy 0 is version 2 and names no controllers.
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (hierarchy === undefined || controllers === undefined || path === undefined) continue;
    const version = hierarchy === '0' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes(controller)) continue;
    const mount = mounts.find((candidate) =>
      version === 2 ? candidate.fileSystem === 'cgroup2' : candidate.fileSystem === 'cgroup' && candidate.options.includes(controller),
    );
    if (mount !== undefined) found.push({ version, directories: groupDirectories(mount, path) });
  }
  return found;
}

/**
 * The group's directory and its parents as far as the mount shows them. In a container the mount often shows only the
 * container's own group: then /proc/self/cgroup names a path that starts with the mount's root, or, with a namespace, one
 * that leads out of it (`/../..`). Whatever cannot be seen is left out, and the mount point itself is read.
 */
function groupDirectories(mount: Mount, path: string): readonly string[] {
  const shown = segmentsOf(mount.rootInFileSystem);
  const group = segmentsOf(path);
  const isVisible = shown.every((segment, index) => segment === group[index]) && !group.includes('..');
  const below = isVisible ? group.slice(shown.length) : [];
  return Array.from({ length: below.length + 1 }, (_, depth) => join(mount.mountPoint, ...below.slice(0, below.length - depth)));
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}

// `max 100000`, or `150000 100000`: microseconds of CPU time in each period.
function cpuMax(host: HostFiles, directory: string): number | undefined {
  const [quota, period] = host.text(join(directory, 'cpu.max'))?.split(' ').map(Number) ?? [];
  return ratio(quota, period);
}

function cfsQuota(host: HostFiles, directory: string): number | undefined {
  return ratio(host.integer(join(directory, 'cpu.cfs_quota_us')), host.integer(join(directory, 'cpu.cfs_period_us')));
}

function ratio(quotaUs: number | undefined, periodUs: number | undefined): number | undefined {
  // A quota of -1 (version 1) or `max` (version 2, not a number) is no limit.
  if (quotaUs === undefined || periodUs === undefined || !(quotaUs > 0) || !(periodUs > 0)) return undefined;
  return quotaUs / periodUs;
}

function limitInBytes(host: HostFiles, directory: string): number | undefined {
  const value = host.integer(join(directory, 'memory.limit_in_bytes'));
  // Version 1 has no word for "no limit": it is the largest multiple of the page size in 63 bits.
  return value === undefined || value >= 2 ** 62 ? undefined : value;
}
