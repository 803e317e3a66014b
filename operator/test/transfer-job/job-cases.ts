import {
  type AssignmentReport,
  assignmentReport,
  type StoredTransferJob,
  type StoredTransferPolicy,
  type StoredTransferShard,
  storedTransferJob,
  storedTransferShard,
  type TransferShardStatus,
} from '@smartcopy/crds';
import { describeProgress, nothingCounted, nothingUsed, type TransferCounts } from '@smartcopy/crds/progress';
import type { z } from 'zod';
import { Store } from '../../src/kube/store.ts';
import type { LabelledObject } from '../../src/policy/resources.ts';
import type { WorkStores } from '../../src/transfer-job/assignments.ts';
import { resolveEnds } from '../../src/transfer-job/job-ends.ts';
import type { Observed, SeenShard } from '../../src/transfer-job/observe.ts';
import { jobIndexes, shardIndexes } from '../../src/transfer-job/resources.ts';
import { storedPolicy } from '../policy/policy-cases.ts';

/** 2026-01-31T10:00:00Z, in the middle of every case; the jobs are an hour old. */
export const nowMs = Date.parse('2026-01-31T10:00:00Z');
const createdAt = '2026-01-31T09:00:00Z';
const operatorStartedMs = nowMs - 3_600_000;
export const jobUid = '6f0c3a1e-0000-4000-8000-000000000001';
export const shardName = '6f0c3a1e-r1-0';

export const source = { root: 'scratch', path: 'run42', nodeName: 'worker-1' };
export const destination = { root: 'archive', path: 'run42', nodeName: 'worker-1' };

interface GivenJob {
  readonly metadata?: Partial<z.input<typeof storedTransferJob>['metadata']>;
  readonly spec?: Partial<z.input<typeof storedTransferJob>['spec']>;
  readonly status?: StoredTransferJob['status'];
}

/** A job as the API server stores it, from scratch to archive on worker-1 unless said otherwise. */
export function storedJob({ metadata = {}, spec = {}, status }: GivenJob = {}): StoredTransferJob {
  return storedTransferJob.parse({
    metadata: {
      name: 'run42',
      namespace: 'climate',
      uid: jobUid,
      resourceVersion: '7',
      generation: 3,
      creationTimestamp: createdAt,
      ...metadata,
    },
    spec: { source: { nodePath: source }, destination: { nodePath: destination }, ...spec },
    ...(status === undefined ? {} : { status }),
  });
}

interface GivenShard {
  readonly metadata?: Partial<z.input<typeof storedTransferShard>['metadata']>;
  readonly spec?: Partial<StoredTransferShard['spec']>;
  readonly status?: TransferShardStatus;
}

export function storedShard({ metadata = {}, spec = {}, status }: GivenShard = {}): StoredTransferShard {
  return storedTransferShard.parse({
    metadata: {
      name: shardName,
      namespace: 'smartcopy-system',
      uid: 'uid-shard',
      resourceVersion: '9',
      creationTimestamp: createdAt,
      ...metadata,
    },
    spec: {
      jobRef: { namespace: 'climate', name: 'run42' },
      jobUID: jobUid,
      run: 1,
      index: 0,
      node: 'worker-1',
      epoch: 1,
      leaseSeconds: 3_600,
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  });
}

/** The shard of run42 as something that this build cannot read. */
export const unreadableShard: NonNullable<Observed['unreadableShard']> = {
  key: { namespace: 'smartcopy-system', name: shardName },
  uid: 'uid-shard',
  resourceVersion: '10',
  problems: ['status.state: must be Assigned, Succeeded, or Failed'],
};

export function labelled(name: string, labels: Record<string, string> = {}): LabelledObject {
  return {
    metadata: {
      name,
      namespace: '',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 0,
      creationTimestamp: createdAt,
      finalizers: [],
      labels,
      annotations: {},
    },
  };
}

/** Opens both roots to every namespace on every node. */
export const openPolicy = storedPolicy('open', {
  namespaceSelector: {},
  roots: [
    { alias: 'scratch', hostPath: '/mnt/scratch', subPath: '{namespace}' },
    { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' },
  ],
});

interface GivenWorld {
  readonly jobs?: readonly StoredTransferJob[];
  readonly shards?: readonly StoredTransferShard[];
  readonly policies?: readonly StoredTransferPolicy[];
  readonly nodes?: readonly LabelledObject[];
}

export function storesOf(given: GivenWorld = {}): WorkStores {
  const { jobs = [], shards = [], policies = [openPolicy], nodes = [labelled('worker-1'), labelled('worker-2')] } = given;
  const stores = {
    jobs: new Store<StoredTransferJob>(jobIndexes),
    shards: new Store<StoredTransferShard>(shardIndexes),
    policies: new Store<StoredTransferPolicy>(),
    namespaces: new Store<LabelledObject>(),
    nodes: new Store<LabelledObject>(),
  };
  stores.jobs.replaceAll(jobs, []);
  stores.shards.replaceAll(shards, []);
  stores.policies.replaceAll(policies, []);
  stores.namespaces.replaceAll([labelled('climate', { team: 'climate' })], []);
  stores.nodes.replaceAll(nodes, []);
  return stores;
}

export const readyRoots = [
  { alias: 'scratch', hostPath: '/mnt/scratch', state: 'Ready' as const },
  { alias: 'archive', hostPath: '/mnt/archive', state: 'Ready' as const },
];

/** The agent of worker-1, heard a second ago. */
export const heardAgent: NonNullable<Observed['agent']> = { roots: readyRoots, lastSeenMs: nowMs - 1_000, isHeard: true };

interface GivenView extends GivenWorld {
  readonly job?: StoredTransferJob;
  readonly agent?: Observed['agent'];
  readonly shard?: SeenShard;
  readonly unreadableShard?: Observed['unreadableShard'];
  readonly nowMs?: number;
  readonly operatorStartedMs?: number;
}

/** A job that nothing speaks against and that has no shard yet, unless said otherwise. */
export function view(given: GivenView = {}): Observed {
  const { job = storedJob(), shard } = given;
  return {
    job,
    ends: resolveEnds(job, storesOf(given)),
    agent: 'agent' in given ? given.agent : heardAgent,
    shard,
    unreadableShard: given.unreadableShard,
    nowMs: given.nowMs ?? nowMs,
    operatorStartedMs: given.operatorStartedMs ?? operatorStartedMs,
    leaseSeconds: 3_600,
  };
}

/** A shard of which its agent spoke a second ago; at work unless it says otherwise. */
export function seenShard(given: Partial<SeenShard> = {}): SeenShard {
  return {
    object: storedShard(),
    report: undefined,
    heardMs: nowMs - 1_000,
    isStopped: false,
    stoppedMs: nowMs + 3_615_000,
    givenInstead: undefined,
    ...given,
  };
}

function countsOf(counts: Partial<TransferCounts> = {}): TransferCounts {
  return { ...nothingCounted, ...counts };
}

export function progressOf(counts: Partial<TransferCounts> = {}, bytesPerSecond = 0) {
  return describeProgress({ counts: countsOf(counts), bytesPerSecond, atMs: nowMs - 1_000, isUnderWay: bytesPerSecond > 0 });
}

export function reportOf(given: Partial<AssignmentReport> = {}): AssignmentReport {
  return assignmentReport.parse({ assignment: shardName, epoch: 1, state: 'Running', startedForMs: 60_000, ...given });
}

/** Half of a known whole, at a rate. */
export const halfDone = progressOf({ bytesTotal: 2_000, bytesDone: 1_000, filesTotal: 2, filesDone: 1, totalsFinal: true }, 100);
export const running = seenShard({ report: reportOf({ progress: halfDone, engineUsed: { ...nothingUsed, readWrite: 1_000 } }) });

const allDone = progressOf({ bytesTotal: 2_000, bytesDone: 2_000, filesTotal: 2, filesDone: 2, totalsFinal: true });
export const succeeded: TransferShardStatus = {
  state: 'Succeeded',
  outcome: {
    reason: 'Succeeded',
    message: '2 files copied, 0 equal already',
    verified: { status: 'True', reason: 'Succeeded', message: '2.0 KiB read back and found equal' },
  },
  startTime: '2026-01-31T09:59:00Z',
  completionTime: '2026-01-31T09:59:59Z',
  progress: allDone,
  engineUsed: { ...nothingUsed, reflink: 2_000 },
  errors: [],
};
export const failed: TransferShardStatus = {
  ...succeeded,
  state: 'Failed',
  outcome: { reason: 'EntriesFailed', message: '1 entry could not be copied' },
  errors: [{ reason: 'PermissionDenied', side: 'Source', path: 'secret', errno: 'EACCES', syscall: 'openat2', count: 1 }],
};
