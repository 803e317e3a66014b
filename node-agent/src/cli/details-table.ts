import { readableBytes, readableCount } from '@smartcopy/crds/progress';
import { escapePath } from '../engine/escape-path.ts';
import type { HostDetails, PlaceDetails } from '../system/describe-details.ts';
import type { IoUringStatus } from '../system/io-uring.ts';
import type { Ability } from '../system/place-abilities.ts';
import { drawSections, type Row } from './analysis-table.ts';

/** What `--detailed` adds to the table of the host. */
export function detailsTable(details: HostDetails): string {
  return drawSections([
    ['Processor', processorRows(details)],
    ['Memory nodes', nodeRows(details)],
    ['io_uring', ioUringRows(details.ioUring)],
    ...details.places.map((place): readonly [string, readonly Row[]] => [`${escapePath(place.path)}, tried`, placeRows(place)]),
  ]);
}

export function ioUringTable(status: IoUringStatus): string {
  return drawSections([['io_uring', ioUringRows(status)]]);
}

function processorRows({ cpu }: HostDetails): readonly Row[] {
  const names = { avx2: 'AVX2', avx512: 'AVX-512', shaNi: 'SHA-NI', neon: 'NEON', sha2: 'SHA-2' } as const;
  const features = Object.entries(names).filter(([key]) => cpu.features[key as keyof typeof names]);
  return [
    ['features', features.length === 0 ? 'none that hashing uses' : features.map(([, name]) => name).join(', ')],
    ...cpu.caches.map(
      ({ level, type, sizeKib, sharedBy }): Row => [
        `L${level} ${type.toLowerCase()}`,
        `${readableBytes(sizeKib * 1024)}${sharedBy === '' ? '' : `, CPUs ${sharedBy}`}`,
      ],
    ),
  ];
}

function nodeRows({ numaNodes, bufferMemoryBytes }: HostDetails): readonly Row[] {
  return [
    ...numaNodes.map(({ id, cpus }): Row => [`node ${id}`, `${readableCount(cpus.length, 'CPU')} that may be used: ${cpus.join(',')}`]),
    ['placement', numaNodes.length < 2 ? 'one node: nothing is pinned' : 'threads and buffers near the storage, unless --numa off'],
    ['for buffers', `${readableBytes(bufferMemoryBytes)} at most, of one copy`],
  ];
}

function ioUringRows({
  kernelRelease,
  minimumRelease,
  recommendedRelease,
  tier,
  isUsable,
  operationCount,
  reason,
}: IoUringStatus): readonly Row[] {
  return [
    ['kernel', `${kernelRelease} (needed ${minimumRelease}, recommended ${recommendedRelease})`],
    ['tier', tier],
    ['usable', `${isUsable ? 'yes' : 'no'}: ${reason}`],
    ...(operationCount === undefined ? [] : [['operations', String(operationCount)] as const]),
  ];
}

const abilityWords: Readonly<Record<Ability, string>> = { Yes: 'yes', No: 'no', NotTried: 'not tried: nothing may be written here' };

function placeRows({ abilities, plan: { parameters, reasons } }: PlaceDetails): readonly Row[] {
  const { threadCount, bufferBytes, rangeBytes, contiguousRanges, writersPerFile } = parameters;
  return [
    ['reflink', abilityWords[abilities.reflink]],
    ['O_DIRECT', abilityWords[abilities.directIo]],
    ['xattrs', abilityWords[abilities.xattrs]],
    ['POSIX ACLs', abilityWords[abilities.posixAcls]],
    [
      'a copy here',
      [
        `${readableCount(threadCount, 'thread')}, buffers of ${readableBytes(bufferBytes)}`,
        ...(contiguousRanges === true
          ? [`contiguous parts${rangeBytes === undefined ? '' : ` of whole ${readableBytes(rangeBytes)}`}`]
          : []),
        ...(writersPerFile === undefined ? [] : [`${readableCount(writersPerFile, 'writer')} for each file`]),
      ].join('; '),
    ],
    ...reasons.map((reason): Row => ['', reason]),
  ];
}
