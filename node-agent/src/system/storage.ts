import { join } from 'node:path';
import type { HostFiles } from './host-files.ts';
import type { Mount } from './mounts.ts';
import { localProfile, profileOfNetwork, rotationalProfile, type StorageProfile } from './storage-profile.ts';

type StorageKind = 'Memory' | 'Network' | 'Nvme' | 'SolidState' | 'Rotational' | 'Virtual' | 'Loop' | 'Unknown';

/** A disk below a file system. */
export interface Disk {
  readonly name: string;
  readonly kind: StorageKind;
  readonly model?: string;
  readonly readAheadKib?: number;
  /** Of a loop device: the file that holds its bytes. */
  readonly backingFile?: string;
}

/** What a file system is and what it stands on, without asking it. */
export interface StorageFacts {
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly source: string;
  /** Those that change what a copy can do or how fast it is. */
  readonly options: readonly string[];
  readonly kind: StorageKind;
  /** Yes: every file system of this type shares extents on request. Maybe: it depends on how it was made or on its server. */
  readonly reflink: 'Yes' | 'Maybe' | 'No';
  /** The disks at the bottom: a logical volume or an array may have several. Empty for memory and network. */
  readonly disks: readonly Disk[];
  /** How it likes to be copied. */
  readonly profile: StorageProfile;
}

const memoryTypes = /^(tmpfs|ramfs|devtmpfs|hugetlbfs)$/;
const reflinkTypes: Readonly<Record<string, 'Yes' | 'Maybe'>> = {
  btrfs: 'Yes',
  bcachefs: 'Yes',
  xfs: 'Maybe', // Since mkfs.xfs 5.1 by default; older ones were made without.
  ocfs2: 'Maybe',
  zfs: 'Maybe', // From 2.2, when block cloning is switched on.
  nfs4: 'Maybe', // From 4.2, when the server's own file system can.
  cifs: 'Maybe',
  smb3: 'Maybe',
  overlay: 'Maybe', // As its upper directory's file system.
};
const notableOptions: readonly RegExp[] = [
  /^(ro|rw|sync|dirsync|async|discard|nodev|nosuid|noexec|noatime)$/,
  /^(data=.*|nobarrier|barrier=0|nodatacow|compress(-force)?=.*|huge=.*|size=.*)$/,
  /^(vers=.*|proto=.*|nconnect=.*|[rw]size=.*|hard|soft|local_lock=.*|upperdir=.*|multichannel|max_channels=.*)$/,
];

export function describeStorage(host: HostFiles, mount: Mount): StorageFacts {
  const network = profileOfNetwork(host, mount);
  const disks =
    network !== undefined || memoryTypes.test(mount.fileSystem) ? [] : findDevices(host, mount).map((device) => describeDisk(host, device));
  const kind = network === undefined ? kindOf(mount, disks) : 'Network';
  return {
    mountPoint: mount.mountPoint,
    fileSystem: mount.fileSystem,
    source: mount.source,
    options: mount.options.filter((option) => notableOptions.some((notable) => notable.test(option))),
    kind,
    reflink: reflinkTypes[mount.fileSystem] ?? 'No',
    disks,
    profile: network ?? (kind === 'Rotational' ? rotationalProfile : localProfile),
  };
}

function kindOf(mount: Mount, disks: readonly Disk[]): StorageKind {
  if (memoryTypes.test(mount.fileSystem)) return 'Memory';
  // The slowest part decides: an array is as fast as its slowest member.
  const slowestFirst: readonly StorageKind[] = ['Rotational', 'Loop', 'Virtual', 'SolidState', 'Nvme'];
  return slowestFirst.find((kind) => disks.some((disk) => disk.kind === kind)) ?? 'Unknown';
}

/** Where /sys shows the disks at the bottom of what is mounted: none for memory and network. */
export function findDevices(host: HostFiles, mount: Mount): readonly string[] {
  const device = host.resolve(`/sys/dev/block/${mount.device.major}:${mount.device.minor}`) ?? deviceOfSource(host, mount);
  return device === undefined ? [] : [...new Set(lowestDevices(host, device, 0))];
}

/**
 * btrfs and others give their files device numbers of no block device (major 0): then the mounted source names it.
 * /dev/mapper holds links to the devices themselves.
 */
function deviceOfSource(host: HostFiles, mount: Mount): string | undefined {
  if (!mount.source.startsWith('/dev/')) return undefined;
  const name = (host.resolve(mount.source) ?? mount.source).split('/').at(-1);
  return host.resolve(`/sys/class/block/${name}`);
}

function lowestDevices(host: HostFiles, device: string, depth: number): readonly string[] {
  // Encrypted volumes on logical volumes on arrays on partitions: four levels are seen in practice.
  if (depth > 16) return [];
  const slaves = host.names(join(device, 'slaves'));
  if (slaves.length > 0) {
    return slaves.flatMap((slave) => {
      const path = host.resolve(join(device, 'slaves', slave));
      return path === undefined ? [] : lowestDevices(host, path, depth + 1);
    });
  }
  // A partition is a directory inside its disk's, and only the disk has a queue.
  if (host.text(join(device, 'partition')) !== undefined) return lowestDevices(host, join(device, '..'), depth + 1);
  return [device];
}

function describeDisk(host: HostFiles, device: string): Disk {
  const name = device.split('/').at(-1) ?? device;
  const model = host.text(join(device, 'device/model'))?.trim();
  const readAheadKib = host.integer(join(device, 'queue/read_ahead_kb'));
  const backingFile = host.text(join(device, 'loop/backing_file'));
  return {
    name,
    kind: diskKind(name, host.integer(join(device, 'queue/rotational'))),
    ...(model === undefined || model === '' ? {} : { model }),
    ...(readAheadKib === undefined ? {} : { readAheadKib }),
    ...(backingFile === undefined ? {} : { backingFile }),
  };
}

function diskKind(name: string, rotational: number | undefined): StorageKind {
  if (name.startsWith('nvme')) return 'Nvme';
  if (name.startsWith('loop')) return 'Loop';
  if (/^(ram|zram|pmem)/.test(name)) return 'Memory';
  // A virtual machine's disk says nothing true about turning plates: virtio reports 1 whatever is below it.
  if (/^(vd|xvd)/.test(name)) return 'Virtual';
  return rotational === undefined ? 'Unknown' : rotational === 1 ? 'Rotational' : 'SolidState';
}
