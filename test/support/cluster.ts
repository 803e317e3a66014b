import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  apiVersion,
  group,
  type StoredTransferJob,
  type StoredTransferShard,
  storedTransferJob,
  storedTransferShard,
  transferJobKind,
  transferShardKind,
  version,
} from '@smartcopy/crds';
import { z } from 'zod';
import { ApiRefusal } from './api-client.ts';
import { eventually } from './eventually.ts';
import { type Playground, playground } from './playground.ts';
import { systemNamespace } from './playground-objects.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const namespace = 'climate';

export interface ClusterOptions {
  readonly nodes?: readonly string[];
  readonly operatorArguments?: readonly string[];
  readonly agentArguments?: readonly string[];
  /** Bytes that tests will write into its roots at most. */
  readonly memoryBytes?: number;
  /** Whether a policy opens the roots; it does unless told otherwise. */
  readonly isOpen?: boolean;
}

/** Of a job on one node, from its root `data` to its root `archive`. */
export interface JobRequest {
  readonly name: string;
  readonly node?: string;
  /** Below both roots; the name unless given. */
  readonly path?: string;
  /** More members of spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A whole SmartCopy in a cluster: each node has a root `data` to copy from and a root `archive` to copy to. */
export async function cluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes = ['worker-1'], operatorArguments = [], agentArguments = [], memoryBytes = 0, isOpen = true } = options;
  const disks = await temporaryFolder(t, { memoryBytes });
  const pathOf = (node: string, alias: string): string => join(disks, node, alias);
  const described = nodes.map((name) => ({
    name,
    roots: ['data', 'archive'].map((alias) => ({ alias, hostPath: `/mnt/${alias}`, path: pathOf(name, alias) })),
  }));
  for (const { path } of described.flatMap(({ roots }) => roots)) await mkdir(path, { recursive: true });
  const started = new Cluster(await playground(t, { nodes: described, operatorArguments, agentArguments }), pathOf);
  await started.playground.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { team: namespace } } });
  if (isOpen) await started.open();
  return started;
}

const jobsPath = `/apis/${group}/${version}/namespaces/${namespace}/${transferJobKind.plural}`;
const shardsPath = `/apis/${group}/${version}/namespaces/${systemNamespace}/${transferShardKind.plural}`;
const shardList = z.object({ items: z.array(storedTransferShard) });

export class Cluster {
  readonly playground: Playground;
  /** Where a root of a node is on this host. */
  readonly pathOf: (node: string, alias: string) => string;

  constructor(started: Playground, pathOf: (node: string, alias: string) => string) {
    this.playground = started;
    this.pathOf = pathOf;
  }

  /** Applies the policy that opens both roots to the namespace of the tests. */
  async open(): Promise<void> {
    await this.playground.applyPolicy('roots', {
      namespaceSelector: { matchLabels: { team: namespace } },
      roots: [
        { alias: 'data', hostPath: '/mnt/data', access: 'ReadOnly' },
        { alias: 'archive', hostPath: '/mnt/archive', access: 'ReadWrite' },
      ],
    });
  }

  async createJob({ name, node = 'worker-1', path = name, spec = {} }: JobRequest): Promise<StoredTransferJob> {
    const end = (root: string): object => ({ nodePath: { root, path, nodeName: node } });
    const body = {
      apiVersion,
      kind: transferJobKind.kind,
      metadata: { name, namespace },
      spec: { source: end('data'), destination: end('archive'), ...spec },
    };
    return storedTransferJob.parse(await this.playground.controlPlane.request('POST', jobsPath, body));
  }

  /** `undefined` when there is none of this name. */
  async job(name: string): Promise<StoredTransferJob | undefined> {
    try {
      return storedTransferJob.parse(await this.playground.controlPlane.request('GET', `${jobsPath}/${name}`));
    } catch (error) {
      if (error instanceof ApiRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  async patchJob(name: string, patch: object): Promise<void> {
    await this.playground.controlPlane.request('PATCH', `${jobsPath}/${name}`, patch);
  }

  /** Asks for its deletion; it may stay for its finalizer. */
  async deleteJob(name: string): Promise<void> {
    await this.playground.controlPlane.request('DELETE', `${jobsPath}/${name}`);
  }

  /** Waits until the job is so; its status is what an error shows. */
  async untilJob(name: string, what: string, isSo: (job: StoredTransferJob) => boolean, deadlineMs = 30_000): Promise<StoredTransferJob> {
    let last: StoredTransferJob | undefined;
    try {
      return await eventually(
        `the job ${name} ${what}`,
        async () => {
          last = await this.job(name);
          return last !== undefined && isSo(last) && last;
        },
        deadlineMs,
      );
    } catch (error) {
      throw new Error(`the job ${name}: ${what}; it is ${JSON.stringify(last?.status, null, 1)}`, { cause: error });
    }
  }

  async untilGone(name: string, deadlineMs = 30_000): Promise<void> {
    await eventually(`the job ${name} is gone`, async () => (await this.job(name)) === undefined, deadlineMs);
  }

  /** Waits until the job is Complete; fails at once when it has failed. */
  async untilComplete(name: string, deadlineMs = 60_000): Promise<StoredTransferJob> {
    const job = await this.untilJob(
      name,
      'has ended',
      ({ status }) => status?.phase === 'Complete' || status?.phase === 'Failed',
      deadlineMs,
    );
    if (job.status?.phase !== 'Complete') throw new Error(`the job ${name} failed: ${JSON.stringify(job.status, null, 1)}`);
    return job;
  }

  async shards(): Promise<readonly StoredTransferShard[]> {
    return shardList.parse(await this.playground.controlPlane.request('GET', shardsPath)).items;
  }
}

/** Of a condition of a job: `True`, `False`, or nothing. */
export function conditionOf(job: StoredTransferJob | undefined, type: string) {
  return job?.status?.conditions?.find((condition) => condition.type === type);
}
