import { lstatSync } from 'node:fs';
import type { Endpoint, TransferJob } from '@smartcopy/crds';
import { joinPath } from '../engine/byte-paths.ts';
import { keepEverything, preserveOf } from '../engine/defaults.ts';
import { escapePath } from '../engine/escape-path.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { choicesOf } from '../engine/transfer-choices.ts';
import { InputError } from '../errors.ts';
import type { AskedOfEngine, EnginePlan } from '../system/engine-plan.ts';
import { planLocal } from '../system/local-plan.ts';
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

/** A job as the engine is given it, and why so. */
export interface PlannedJob {
  readonly transfer: Omit<Transfer, 'scanTotals'>;
  readonly plan: EnginePlan;
}

/**
 * The transfer that carries a job out, its roots opened (and prepared, where that is wanted).
 * @throws InputError when a root is no directory or the source does not exist
 */
export async function planJob({ job, source, destination }: PlacedJob, screen: Screen, signal: AbortSignal): Promise<PlannedJob> {
  const { metadata, spec } = job;
  const sourceRoot = await openRoot(source, screen, signal);
  const destinationRoot = await openRoot(destination, screen, signal);
  requireSource(joinPath(sourceRoot, pathOf(spec.source)), spec.source);
  const ends = {
    source: { root: sourceRoot, path: pathOf(spec.source) },
    destination: { root: destinationRoot, path: pathOf(spec.destination) },
  };
  const plan = planLocal(ends, askedOfEngine(spec));
  const transfer = {
    ...ends,
    ...plan.parameters,
    update: spec.update,
    ...choicesOf(spec),
    ...(spec.verify === undefined || spec.verify.level === 'None' ? {} : { digest: spec.verify.algorithm }),
    verify: spec.verify?.level ?? 'None',
    durability: spec.durability,
    io: spec.engine?.io ?? 'Auto',
    directIo: spec.engine?.directIo ?? 'Auto',
    ...plan.memory,
    temporaries: nameTemporaries(
      ['job', metadata.namespace ?? 'default', metadata.name].map((part) => Buffer.from(part)),
      Date.now(),
    ),
    ...preserveOf(spec.preserve),
    ...keepEverything,
    crossMounts: false, // As in a cluster, where only an administrator's policy allows it.
  };
  return { transfer, plan };
}

function askedOfEngine({ parallelism, engine }: TransferJob['spec']): AskedOfEngine {
  const threadCount = parallelism?.threadsPerNode;
  const bufferBytes = engine?.bufferSize;
  return {
    ...(threadCount === undefined ? {} : { threadCount }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
    numa: engine?.numa ?? 'Auto',
    networkOptimized: false,
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
}

function pathOf({ nodePath }: Endpoint): Buffer {
  return Buffer.from(nodePath.path);
}
