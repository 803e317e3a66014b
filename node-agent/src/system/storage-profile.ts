import type { HostFiles } from './host-files.ts';
import type { Mount } from './mounts.ts';

/**
 * How a file system likes to be copied to and from, beyond what suits a local disk. Absent fields: as the engine does by itself.
 * None of the networked ones could be measured where this was written: the numbers are their documented request and layout sizes.
 */
export interface StorageProfile {
  readonly name: string;
  /** Every call crosses a network. */
  readonly isNetwork: boolean;
  /** Bytes of one read or write. */
  readonly bufferBytes?: number;
  /** Requests that should be on their way at once, to hide the latency: as many threads at least. */
  readonly streamCount?: number;
  /** How many threads may write to one file at once. */
  readonly writersPerFile?: number;
  /** Each thread gets one contiguous part of a large file. */
  readonly contiguousRanges?: boolean;
  /** Parts begin at multiples of this. */
  readonly rangeBytes?: number;
  /** What of it led to the numbers, for people. */
  readonly remarks: readonly string[];
}

const KiB = 1024;
const MiB = 1024 ** 2;

/** Where no share of the work is known to help: a plain local disk, memory, or nothing known. */
export const localProfile: StorageProfile = { name: 'local', isNetwork: false, remarks: [] };

/** For a file system of which nothing is known but that it is far away; also what `--network-optimized` makes of any other. */
export const networkProfile: StorageProfile = {
  name: 'network',
  isNetwork: true,
  bufferBytes: 4 * MiB,
  streamCount: 8,
  contiguousRanges: true,
  rangeBytes: 64 * MiB,
  remarks: [],
};

/** A head that moves between threads' ranges costs more than it gains. */
export const rotationalProfile: StorageProfile = {
  name: 'rotating disk',
  isNetwork: false,
  bufferBytes: 4 * MiB,
  contiguousRanges: true,
  rangeBytes: 64 * MiB,
  remarks: [],
};

/** Programs that stand on this host's own disks. */
const localFuse: ReadonlySet<string> = new Set(['fuse.fuse-overlayfs', 'fuse.mergerfs', 'fuse.lxcfs', 'fuse.bindfs']);

/** What network file systems know of themselves on this host; `undefined` for those that are local. */
export function profileOfNetwork(host: HostFiles, mount: Mount): StorageProfile | undefined {
  switch (mount.fileSystem) {
    case 'nfs':
    case 'nfs4':
      return nfs(host, mount);
    case 'cifs':
    case 'smb3':
    case 'smbfs':
      return smb(host, mount);
    case 'lustre':
      // Files lie in stripes on several servers; parts that begin at a stripe's beginning share no server lock.
      return { ...networkProfile, name: 'Lustre', remarks: ['parts of whole stripes'] };
    case 'gpfs':
      return { ...networkProfile, name: 'GPFS', bufferBytes: 8 * MiB, remarks: ['buffers of the default block'] };
    case 'ceph':
    case 'fuse.ceph':
    case 'fuse.ceph-fuse':
      return { ...networkProfile, name: 'CephFS', remarks: ['buffers and parts of whole 4 MiB objects'] };
    case 'beegfs':
      return { ...networkProfile, name: 'BeeGFS', streamCount: 16, remarks: ['many small requests go to several metadata servers'] };
    case 'fuse.glusterfs':
      // Unless its volume is sharded, a file lies on one brick: a second writer only makes that one seek.
      return {
        ...networkProfile,
        name: 'GlusterFS',
        bufferBytes: MiB,
        writersPerFile: 1,
        remarks: ['one writer for each file, which lies on one brick'],
      };
    case '9p':
    case 'virtiofs':
      return { ...networkProfile, name: mount.fileSystem, bufferBytes: MiB, remarks: [] };
    case 'afs':
    case 'orangefs':
    case 'pvfs2':
      return { ...networkProfile, name: mount.fileSystem, remarks: [] };
    default:
      // A type with a dot is a FUSE file system of that name; most of those are remote (sshfs, gcsfuse).
      return mount.fileSystem.startsWith('fuse.') && !localFuse.has(mount.fileSystem)
        ? {
            ...networkProfile,
            name: mount.fileSystem,
            bufferBytes: MiB,
            writersPerFile: 1,
            remarks: ['a program that nothing is known of'],
          }
        : undefined;
  }
}

/** NFS: requests as large as the mount has agreed on, and as many at once as it has connections for. */
function nfs(host: HostFiles, mount: Mount): StorageProfile {
  const version = option(mount, 'vers') ?? (mount.fileSystem === 'nfs4' ? '4' : '3');
  const connections = Number(option(mount, 'nconnect') ?? 1);
  const requestBytes = Math.max(numberOf(mount, 'rsize'), numberOf(mount, 'wsize'), MiB);
  const hasPnfs = usesPnfs(host, mount);
  // Writes reach the server in the order in which pages were dirtied; from several writers it sees a file in pieces and, where it
  // keeps them in memory (async), seeks when it writes them out. Servers of pNFS are several, each with a part of its own.
  return {
    ...networkProfile,
    name: `NFS ${version}`,
    bufferBytes: requestBytes,
    streamCount: Math.min(Math.max(4, 2 * connections), 16),
    ...(hasPnfs ? {} : { writersPerFile: 1 }),
    remarks: [
      `requests of up to ${requestBytes / KiB} KiB`,
      ...(connections > 1 ? [`${connections} connections`] : []),
      hasPnfs ? 'pNFS' : 'one writer for each file',
    ],
  };
}

/** pNFS is agreed on with the server and is no mount option. */
function usesPnfs(host: HostFiles, mount: Mount): boolean {
  const blocks = (host.text('/proc/self/mountstats') ?? '').split(/^device /m);
  const block = blocks.find((candidate) => candidate.startsWith(`${mount.source} mounted on ${mount.mountPoint} `));
  const layout = /pnfs=([^,\n]+)/.exec(block ?? '')?.[1];
  return layout !== undefined && layout !== 'not configured';
}

/** SMB moves up to 4 MiB with one request; each channel is a connection of its own. */
function smb(host: HostFiles, mount: Mount): StorageProfile {
  const channels = smbChannelCount(host, mount);
  return {
    ...networkProfile,
    name: 'SMB',
    streamCount: channels > 1 ? 8 : 4,
    remarks: [channels > 1 ? `multichannel, ${channels} connections` : 'one connection'],
  };
}

/**
 * The connections that are really there, by the client's own list; where that cannot be read, those that the mount may have.
 * `multichannel` without a number means two.
 */
function smbChannelCount(host: HostFiles, mount: Mount): number {
  const asked = Number(option(mount, 'max_channels') ?? (mount.options.includes('multichannel') ? 2 : 1));
  const debugData = host.text('/proc/fs/cifs/DebugData');
  const server = /^\/\/([^/]+)/.exec(mount.source)?.[1];
  const addresses = [option(mount, 'addr'), server].filter((name) => name !== undefined);
  if (debugData === undefined || addresses.length === 0) return asked;
  const connections = debugData.split(/^\d+\) ConnectionId:/m).slice(1);
  const ours = connections.filter((text) => addresses.some((address) => wordsOf(text).has(address)));
  const extra = ours.flatMap((text) => [...text.matchAll(/Extra Channels: (\d+)/g)].map((match) => Number(match[1])));
  return ours.length === 0 ? asked : 1 + Math.max(0, ...extra);
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/));
}

function option({ options }: Mount, name: string): string | undefined {
  return options.find((candidate) => candidate.startsWith(`${name}=`))?.slice(name.length + 1);
}

function numberOf(mount: Mount, name: string): number {
  return Number(option(mount, name) ?? 0);
}
