import { probeIoUring } from '@smartcopy/native';
import { type CpuDetails, readCpuDetails } from './cpu-details.ts';
import type { EnginePlan } from './engine-plan.ts';
import { HostFiles } from './host-files.ts';
import { hasSystemCallFilter, type IoUringStatus, judgeIoUring } from './io-uring.ts';
import { readKernel } from './kernel.ts';
import { bufferMemoryOf, planLocal } from './local-plan.ts';
import { readMemory } from './memory.ts';
import { type NumaNode, readNumaNodes } from './numa.ts';
import { type PlaceAbilities, probeAbilities } from './place-abilities.ts';

/** What `analyze --detailed` adds. */
export interface HostDetails {
  readonly cpu: CpuDetails;
  readonly numaNodes: readonly NumaNode[];
  /** What the buffers of one copy may have. */
  readonly bufferMemoryBytes: number;
  readonly ioUring: IoUringStatus;
  readonly places: readonly PlaceDetails[];
}

export interface PlaceDetails {
  readonly path: Uint8Array;
  readonly abilities: PlaceAbilities;
  /** How a copy within this place would run. */
  readonly plan: Pick<EnginePlan, 'parameters' | 'reasons'>;
}

/**
 * Reads the facts, and tries what each path can do, in a folder of its own there that is removed again.
 * @throws NodeJS.ErrnoException when a path cannot be looked at
 */
export function describeDetails(paths: readonly Uint8Array[]): HostDetails {
  const host = new HostFiles('/');
  return {
    cpu: readCpuDetails(host),
    numaNodes: readNumaNodes(host),
    bufferMemoryBytes: bufferMemoryOf(readMemory(host)),
    ioUring: judgeIoUring(readKernel(host), probeIoUring(), hasSystemCallFilter(host)),
    places: paths.map(describePlace),
  };
}

function describePlace(path: Uint8Array): PlaceDetails {
  const end = { root: path, path: Buffer.alloc(0) };
  const { parameters, reasons } = planLocal({ source: end, destination: end }, { numa: 'Auto', networkOptimized: false });
  return { path, abilities: probeAbilities(path), plan: { parameters, reasons } };
}
