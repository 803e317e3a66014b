import type { AssignedEnd, Assignment } from '@smartcopy/crds';
import { joinPath } from '../engine/byte-paths.ts';
import { preserveOf } from '../engine/defaults.ts';
import { escapePath, shortenPath } from '../engine/escape-path.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { choicesOf } from '../engine/transfer-choices.ts';
import type { Cause } from '../engine/transfer-status.ts';
import { planEngine } from '../system/engine-plan.ts';
import type { NodeOfStorage, NumaNode } from '../system/numa.ts';
import { localProfile } from '../system/storage-profile.ts';
import type { EngineShare, GivenShare } from './engine-share.ts';
import type { RootTable } from './root-table.ts';

/** Why an assignment cannot be begun now; `undefined` when it can. The node's own configuration is the second key beside the policy. */
export function obstacleTo({ spec: { source, destination } }: Assignment, roots: Pick<RootTable, 'find'>): Cause | undefined {
  if (roots.find(source) === undefined) return notMounted(source);
  const found = roots.find(destination);
  if (found === undefined) return notMounted(destination);
  return found.isReadOnly ? readOnly(destination) : undefined;
}

export interface PlanOptions {
  readonly roots: Pick<RootTable, 'find'>;
  /** Which beginning of the assignment this is, from 1. */
  readonly attempt: number;
  /** For an assignment that names no number. */
  readonly threadCount: number;
  /** For the buffers of all transfers of this node. */
  readonly memoryBytes: number;
  readonly nodes: readonly NumaNode[];
  /** What it gets of the threads and the memory that it asks for. */
  readonly share: (asked: EngineShare) => GivenShare;
  /** What it may hope for of the page cache. */
  readonly pageCacheBytes: number;
}

/** The transfer that carries an assignment out; `undefined` where there is an obstacle to it. */
export function planTransfer(
  assignment: Assignment,
  { roots, attempt, threadCount, memoryBytes, nodes, share, pageCacheBytes }: PlanOptions,
): Transfer | undefined {
  const { epoch, spec } = assignment;
  const [source, destination] = [roots.find(spec.source), roots.find(spec.destination)];
  if (source === undefined || destination === undefined || obstacleTo(assignment, roots) !== undefined) return undefined;
  const { parameters } = planEngine(
    { ...pick(spec), numa: spec.numa ?? 'Auto', networkOptimized: false },
    {
      source: source.near?.profile ?? localProfile,
      destination: destination.near?.profile ?? localProfile,
      sides: { source: source.near?.node ?? anywhere, destination: destination.near?.node ?? anywhere },
      cpuThreadCount: threadCount,
      memoryBytes: Number.MAX_SAFE_INTEGER, // The share is what fits beside the others.
      nodes,
    },
  );
  return {
    source: { root: Buffer.from(source.path), path: pathBelowRoot(spec.source) },
    destination: { root: Buffer.from(destination.path), path: pathBelowRoot(spec.destination) },
    ...parameters,
    ...share(parameters),
    memoryBytes,
    update: spec.update,
    ...choicesOf(spec),
    ...(spec.verify === undefined || spec.verify.level === 'None' ? {} : { digest: spec.verify.algorithm }),
    verify: spec.verify?.level ?? 'None',
    durability: spec.durability,
    io: spec.io ?? 'Auto',
    directIo: spec.directIo ?? 'Auto',
    pageCacheBytes,
    temporaries: { job: jobNumber(spec), epoch: temporariesEpoch(epoch, attempt) },
    ...preserveOf(spec.preserve),
    keepSetuid: spec.destination.keepSetuid === true,
    keepDevices: spec.destination.keepDevices === true,
    keepSecurityXattrs: spec.destination.keepSecurityXattrs === true,
    // The engine has one switch for both ends: mounts are crossed only where both policies allow it.
    crossMounts: spec.source.crossMounts && spec.destination.crossMounts,
    scanTotals: true,
  };
}

const anywhere: NodeOfStorage = { kind: 'Anywhere' };

/** The numbers that the job itself names. */
function pick({ threadCount, bufferBytes }: Assignment['spec']): Partial<EngineShare> {
  return { ...(threadCount === undefined ? {} : { threadCount }), ...(bufferBytes === undefined ? {} : { bufferBytes }) };
}

/** `scratch:run42`: an end as the author of the job knows it. What lies above, the job never sees. */
export function showEnd({ alias, path }: AssignedEnd): string {
  return `${alias}:${shortenPath(escapePath(Buffer.from(path)), 256)}`;
}

/** Below the root as it is mounted: the policy's part of the path, then the job's. */
function pathBelowRoot({ subPath, path }: AssignedEnd): Buffer {
  return path === '' ? Buffer.from(subPath) : joinPath(Buffer.from(subPath), Buffer.from(path));
}

/**
 * Tells the temporary files of one beginning from those of every earlier one, on any node. In 32 bits: 16 for the epoch, 16 for the
 * attempt. Beyond them the number stays at its highest, and the engine's lock on the destination is what keeps two runs apart.
 */
export function temporariesEpoch(epoch: number, attempt: number): number {
  const most = 0xffff;
  return Math.min(epoch, most) * 0x1_0000 + Math.min(attempt, most);
}

function jobNumber({ job, index }: Assignment['spec']): number {
  return nameTemporaries([Buffer.from(job.uid), Buffer.from(String(index))], 0).job;
}

function notMounted({ alias, hostPath }: AssignedEnd): Cause {
  const message = `the agent has no root '${alias}' mounted from ${hostPath}; add it to the roots of the agents, or mount the directory there`;
  return { reason: 'RootNotMounted', message: message.slice(0, 1024) };
}

function readOnly({ alias, hostPath }: AssignedEnd): Cause {
  const message = `the root '${alias}' (${hostPath}) is mounted read-only; mount it for writing or choose another destination`;
  return { reason: 'RootReadOnly', message: message.slice(0, 1024) };
}
