import { join } from 'node:path';
import type { NumaPlacement } from '@smartcopy/native';
import { parseCpuList } from './cpu-list.ts';
import type { HostFiles } from './host-files.ts';
import type { Mount } from './mounts.ts';
import { findDevices } from './storage.ts';

/** A memory node that has CPUs this process may run on. */
export interface NumaNode {
  readonly id: number;
  /** Those of its CPUs that this process may run on. */
  readonly cpus: readonly number[];
}

/** Of one end of a copy. */
export type NodeOfStorage =
  | { readonly kind: 'Node'; readonly id: number }
  /** Memory, a network, a disk of which the kernel does not know: it is near to nobody, or nobody can say. */
  | { readonly kind: 'Anywhere' };

/** Where threads and buffers go, and why, in a sentence for people. `placement` is absent where nothing is pinned. */
export interface NumaPlan {
  readonly placement?: NumaPlacement;
  readonly reason: string;
}

/** The nodes in the order of their numbers; those without usable CPUs are left out. */
export function readNumaNodes(host: HostFiles): readonly NumaNode[] {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(host.text('/proc/self/status') ?? '')?.[1];
  const usable = allowed === undefined ? undefined : new Set(parseCpuList(allowed));
  const folder = '/sys/devices/system/node';
  return parseCpuList(host.text(join(folder, 'online')) ?? '')
    .map((id) => {
      const cpus = parseCpuList(host.text(join(folder, `node${id}`, 'cpulist')) ?? '');
      return { id, cpus: cpus.filter((cpu) => usable?.has(cpu) ?? true) };
    })
    .filter(({ cpus }) => cpus.length > 0);
}

/** The node that the disks below a mount are attached to; Anywhere when they are on several. */
export function nodeOfMount(host: HostFiles, mount: Mount): NodeOfStorage {
  const nodes = new Set(findDevices(host, mount).map((device) => nodeOfDevice(host, device)));
  const [only] = nodes;
  return nodes.size === 1 && only !== undefined ? { kind: 'Node', id: only } : { kind: 'Anywhere' };
}

/** The kernel says it of the controller that the disk hangs on, some directories above the disk; -1 means that it does not know. */
function nodeOfDevice(host: HostFiles, device: string): number | undefined {
  for (let directory = device; directory.startsWith('/sys/devices/'); directory = join(directory, '..')) {
    const node = host.integer(join(directory, 'numa_node'));
    if (node !== undefined) return node < 0 ? undefined : node;
  }
  return undefined;
}

export interface NumaSides {
  readonly source: NodeOfStorage;
  readonly destination: NodeOfStorage;
}

/**
 * Where the threads and buffers of a copy belong. Pure.
 * Written data stays where it was written, in the page cache of the destination's node; so that node has the buffers and the threads.
 */
export function planNuma(mode: 'Auto' | 'Off', nodes: readonly NumaNode[], { source, destination }: NumaSides): NumaPlan {
  if (mode === 'Off') return { reason: 'NUMA placement is switched off' };
  if (nodes.length < 2) return { reason: 'one memory node: nothing is pinned' };
  const wanted = destination.kind === 'Node' ? destination : source;
  if (wanted.kind === 'Anywhere') {
    // Threads stay on a node each, and their buffers come from where they first touch them.
    return {
      placement: { workerCpus: nodes.map(({ cpus }) => cpus) },
      reason: `storage of no known node: threads are spread over nodes ${nodes.map(({ id }) => id).join(', ')}`,
    };
  }
  const node = nodes.find(({ id }) => id === wanted.id);
  if (node === undefined) return { reason: `node ${wanted.id} of the storage has no CPU that may be used: nothing is pinned` };
  const whose =
    destination.kind !== 'Node' ? 'source' : source.kind === 'Node' && source.id === destination.id ? 'both ends' : 'destination';
  return {
    placement: { workerCpus: [node.cpus], memoryNode: node.id },
    reason: `threads and buffers on node ${node.id}, as ${whose === 'both ends' ? 'both ends are' : `the ${whose} is`}`,
  };
}
