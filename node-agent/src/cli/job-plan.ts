import { lstatSync } from 'node:fs';
import type { Endpoint, TransferJob } from '@smartcopy/crds';
import { joinPath } from '../engine/byte-paths.ts';
import { defaultBufferBytes } from '../engine/defaults.ts';
import { escapePath } from '../engine/escape-path.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { InputError } from '../errors.ts';
import { readCpus } from '../system/cpus.ts';
import { engineMemory } from '../system/engine-memory.ts';
import { HostFiles } from '../system/host-files.ts';
import { chooseThreadCount } from '../system/thread-count.ts';
import type { FoundJob } from './job-file.ts';
import { openRoot, type Root } from './roots.ts';
import type { Screen } from './screen.ts';

/** A job with the two roots that it names. */
export interface PlacedJob {
  readonly job: TransferJob;
  readonly source: Root;
  readonly destination: Root;
}

/**
 * Finds the root of every end of every job.
 * @throws InputError naming all that are not known, with their lines
 */
export function placeJobs(found: readonly FoundJob[], roots: ReadonlyMap<string, Root>): readonly PlacedJob[] {
  const problems: string[] = [];
  const placed = found.flatMap(({ job, locate }) => {
    const [source, destination] = (['source', 'destination'] as const).map((end) => {
      const alias = job.spec[end].nodePath.root;
      const root = roots.get(alias);
      const line = locate(['spec', end, 'nodePath', 'root']);
      if (root === undefined)
        problems.push(
          `${line}: no directory is known for root ${alias}; name it with --root ${alias}=DIR, or in smartcopy.yaml beside the file`,
        );
      return root;
    });
    return source === undefined || destination === undefined ? [] : [{ job, source, destination }];
  });
  if (problems.length > 0) throw new InputError(problems.join('; '));
  return placed;
}

/**
 * The transfer that carries a job out, its roots opened (and prepared, where that is wanted).
 * @throws InputError when a root is no directory or the source is nothing that can be copied
 */
export async function planJob(
  { job, source, destination }: PlacedJob,
  screen: Screen,
  signal: AbortSignal,
): Promise<Omit<Transfer, 'scanTotals'>> {
  const { metadata, spec } = job;
  const sourceRoot = await openRoot(source, screen, signal);
  const destinationRoot = await openRoot(destination, screen, signal);
  const host = new HostFiles('/');
  const threadCount = spec.parallelism?.threadsPerNode ?? chooseThreadCount(readCpus(host));
  requireSource(joinPath(sourceRoot, pathOf(spec.source)), spec.source);
  return {
    source: { root: sourceRoot, path: pathOf(spec.source) },
    destination: { root: destinationRoot, path: pathOf(spec.destination) },
    threadCount,
    bufferBytes: spec.engine?.bufferSize ?? defaultBufferBytes,
    update: spec.update,
    ...(spec.verify === undefined || spec.verify.level === 'None' ? {} : { digest: spec.verify.algorithm }),
    verify: spec.verify?.level ?? 'None',
    durability: spec.durability,
    io: spec.engine?.io ?? 'Auto',
    directIo: spec.engine?.directIo ?? 'Auto',
    sparse: spec.preserve?.sparse ?? 'Auto',
    ...engineMemory(host, threadCount),
    temporaries: nameTemporaries(
      ['job', metadata.namespace ?? 'default', metadata.name].map((part) => Buffer.from(part)),
      Date.now(),
    ),
    crossMounts: false, // As in a cluster, where only an administrator's policy allows it.
  };
}

/** `scratch:run42` */
export function showEnd({ nodePath }: Endpoint): string {
  return `${nodePath.root}:${escapePath(pathOf({ nodePath }))}`;
}

/** A question asked early for the sake of its answer; the engine opens the path in its own, confined way. */
function requireSource(path: Buffer, end: Endpoint): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new InputError(`the source ${showEnd(end)} does not exist (${escapePath(path)})`);
  if (!stats.isDirectory() && !stats.isFile() && !stats.isSymbolicLink()) {
    throw new InputError(`the source ${showEnd(end)} is a device, socket or FIFO, which is not copied (${escapePath(path)})`);
  }
}

function pathOf({ nodePath }: Endpoint): Buffer {
  return Buffer.from(nodePath.path);
}
