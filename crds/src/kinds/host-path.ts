import { z } from 'zod';
import { type Rule, withRules } from './rule.ts';

const maxHostPathBytes = 1024;

/** Read alike by JavaScript and RE2: an empty, '.' or '..' segment, which '/' and a '/' at the end make too. */
const oddSegment = '/[.]{0,2}(/|$)';

/** What keeps a node and its cluster alive, or gives power over them: no job may read or write there. */
const closedDirectories = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib64',
  '/opt/cni',
  '/proc',
  '/root',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/crio',
  '/var/lib/docker',
  '/var/lib/etcd',
  '/var/lib/kubelet',
  '/var/lib/rancher',
  '/var/run',
  '/var/spool/cron',
] as const;

const hostPathRules: readonly Rule<string>[] = [
  {
    message: `must be at most ${maxHostPathBytes} bytes of UTF-8`,
    holds: (path) => new TextEncoder().encode(path).length <= maxHostPathBytes,
    cel: `bytes(self).size() <= ${maxHostPathBytes}`,
  },
  {
    message: "must be absolute, without empty, '.' or '..' segments and without '/' at its end; for example /mnt/scratch",
    holds: (path) => path.startsWith('/') && !new RegExp(oddSegment).test(path),
    cel: `self.startsWith('/') && !self.matches('${oddSegment}')`,
  },
  {
    message: 'must not contain a NUL character, which no file name can hold; remove it',
    holds: (path) => !path.includes('\0'),
    cel: String.raw`!self.contains('\u0000')`,
  },
  {
    message: `must not be, hold or lie in a directory that the node itself lives by (${closedDirectories.join(', ')}); open a directory of data`,
    holds: (path) => !closedDirectories.some((closed) => `${path}/`.startsWith(`${closed}/`) || `${closed}/`.startsWith(`${path}/`)),
    cel: `![${closedDirectories.map((closed) => `'${closed}/'`).join(', ')}].exists(c, (self + '/').startsWith(c) || c.startsWith(self + '/'))`,
  },
];

/** A directory of a node as an administrator opens it. By its name; what it really is, the agent's own configuration decides. */
export const hostPath = withRules(z.string().min(1).max(maxHostPathBytes), hostPathRules);
