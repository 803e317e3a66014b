import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPath } from '../../src/kinds/host-path.ts';

const open = [
  '/mnt',
  '/srv/data',
  '/home',
  '/var/data',
  '/var/lib/smartcopy',
  '/opt/data',
  '/usrdata',
  '/data/etc',
  '/...',
  '/a.b/..c/d..',
];
for (const path of open) test(`${path} may be opened`, () => assert.ok(hostPath.safeParse(path).success));

const closed: readonly (readonly [path: string, why: RegExp])[] = [
  ['/usr', /node itself lives by/],
  ['/usr/share/data', /node itself lives by/],
  ['/var/lib/kubelet', /node itself lives by/],
  ['/var/lib/rancher/k3s/storage', /node itself lives by/],
  ['/sbin', /node itself lives by/],
  ['/var', /node itself lives by/],
  ['/opt', /node itself lives by/],
  ['/', /must be absolute, without empty/],
  ['//mnt', /must be absolute, without empty/],
  ['/mnt/', /must be absolute, without empty/],
  ['/mnt/.', /must be absolute, without empty/],
  ['/mnt/../usr', /must be absolute, without empty/],
  ['mnt', /must be absolute, without empty/],
  ['/mnt\0', /NUL/],
  [`/${'\u20ac'.repeat(400)}`, /at most 1024 bytes of UTF-8/],
];
for (const [path, why] of closed) {
  test(`${JSON.stringify(path.slice(0, 40))} may not be opened`, () => {
    assert.match(
      hostPath
        .safeParse(path)
        .error?.issues.map(({ message }) => message)
        .join() ?? '',
      why,
    );
  });
}
