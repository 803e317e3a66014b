import { readableBytes, readableCount } from '@smartcopy/crds/progress';
import { escapePath } from '../engine/escape-path.ts';
import type { GroupLimit } from '../system/control-groups.ts';
import type { HostFacts, PlaceFacts } from '../system/describe-host.ts';
import type { KernelFacts } from '../system/kernel.ts';
import type { Disk, StorageFacts } from '../system/storage.ts';

export type Row = readonly [label: string, value: string];

/** The facts as a person reads them: a heading for each subject, then aligned rows. */
export function analysisTable(facts: HostFacts): string {
  const sections: readonly (readonly [heading: string, rows: readonly Row[]])[] = [
    ['CPU', cpuRows(facts)],
    ['Memory', memoryRows(facts)],
    ['Kernel', kernelRows(facts)],
    ...facts.places.map((place): readonly [string, readonly Row[]] => [escapePath(place.path), placeRows(place)]),
  ];
  return drawSections(sections);
}

export function drawSections(sections: readonly (readonly [heading: string, rows: readonly Row[]])[]): string {
  return sections.map(([heading, rows]) => `${heading}\n${drawRows(rows)}`).join('\n');
}

/** Aligned below each other. */
export function drawRows(rows: readonly Row[]): string {
  // Mount points, models and file names come from elsewhere: a terminal must not act on them.
  return rows.map(([label, value]) => `  ${label.padEnd(16)}${escapePath(Buffer.from(value))}\n`).join('');
}

function cpuRows({ cpus }: HostFacts): readonly Row[] {
  return [
    ...(cpus.model === undefined ? [] : [row('model', cpus.model)]),
    row('online', String(cpus.onlineCount)),
    row('affinity', `${cpus.affinityCount} of them`),
    row(
      'quota',
      describeLimit(cpus.limit, (value) => `${Number(value.toFixed(2))} CPUs' time`),
    ),
    row('usable', `${cpus.usableCount}, so a copy starts ${readableCount(cpus.threadCount, 'thread')} unless --threads says otherwise`),
  ];
}

function memoryRows({ memory }: HostFacts): readonly Row[] {
  return [
    row('total', memory.totalBytes === undefined ? 'unknown' : readableBytes(memory.totalBytes)),
    row('available', memory.availableBytes === undefined ? 'unknown' : readableBytes(memory.availableBytes)),
    row('limit', describeLimit(memory.limit, readableBytes)),
  ];
}

function describeLimit(limit: GroupLimit | undefined, show: (value: number) => string): string {
  if (limit === undefined) return 'none (control groups)';
  return `${show(limit.value)} (control group version ${limit.version}, ${limit.directory})`;
}

function kernelRows({ kernel, ioUringProbe }: HostFacts): readonly Row[] {
  const probe = ioUringProbe.available
    ? `a ring was made, ${ioUringProbe.operationCount} operations`
    : `no ring can be made (${ioUringProbe.errno}); normal in containers, whose seccomp profile forbids it`;
  return [
    row('release', kernel.release),
    row('openat2', kernel.hasOpenat2 ? 'yes' : 'no: copying needs Linux 5.6 or later'),
    row('io_uring', `${describeIoUring(kernel)}; ${probe}`),
  ];
}

function describeIoUring({ ioUring }: KernelFacts): string {
  const support = { None: 'not in this kernel', Limited: 'plain reads and writes only in this kernel', Full: 'in this kernel' }[
    ioUring.support
  ];
  const switched = ['', ', only for root and one group (io_uring_disabled = 1)', ', switched off (io_uring_disabled = 2)'][
    ioUring.disabled ?? 0
  ];
  return `${support}${switched ?? ''}`;
}

function placeRows({ storage, sizeBytes, freeBytes, freeFileCount }: PlaceFacts): readonly Row[] {
  return [
    ...(storage === undefined ? [] : storageRows(storage)),
    row('space', `${readableBytes(freeBytes)} free of ${readableBytes(sizeBytes)}, ${readableCount(freeFileCount, 'more file')} possible`),
  ];
}

function storageRows(storage: StorageFacts): readonly Row[] {
  const reflinks = { Yes: 'yes', Maybe: 'perhaps: tried for each copy, depends on how it was made', No: 'no' };
  return [
    row('file system', `${storage.fileSystem} on ${storage.mountPoint} from ${storage.source}`),
    row('options', storage.options.length === 0 ? 'none of note' : storage.options.join(',')),
    row('storage', storageKinds[storage.kind]),
    ...storage.disks.map((disk) => row('disk', describeDisk(disk))),
    row('reflink', reflinks[storage.reflink]),
  ];
}

const storageKinds: Readonly<Record<StorageFacts['kind'], string>> = {
  Memory: 'memory',
  Network: 'network',
  Nvme: 'NVMe',
  SolidState: 'solid state',
  Rotational: 'rotating disk',
  Virtual: "a virtual machine's disk",
  Loop: 'a file (loop device)',
  Unknown: 'unknown',
};

function describeDisk(disk: Disk): string {
  return [
    disk.name,
    storageKinds[disk.kind],
    ...(disk.model === undefined ? [] : [disk.model]),
    ...(disk.readAheadKib === undefined ? [] : [`reads ahead ${readableBytes(disk.readAheadKib * 1024)}`]),
    ...(disk.backingFile === undefined ? [] : [`in ${disk.backingFile}`]),
  ].join(', ');
}

function row(label: string, value: string): Row {
  return [label, value];
}
