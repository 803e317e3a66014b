import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { cells } from './cells.ts';
import { chooseCells, describeCell, parseBenchOptions } from './options.ts';

const usual = { pairCount: 7, scale: 1, only: '', folder: tmpdir(), onePeer: false, wants: 'bench' } as const;

const parsed: readonly (readonly [given: readonly string[], expected: object])[] = [
  [[], usual],
  [['--quick'], { ...usual, pairCount: 3, scale: 0.1 }],
  [['--quick', '--pairs', '1', '--scale', '0.5'], { ...usual, pairCount: 1, scale: 0.5 }],
  [['--only', 'tmpfs', '--peers', 'rsync,cp', '--one-peer'], { ...usual, only: 'tmpfs', peers: ['rsync', 'cp'], onePeer: true }],
  [['--folder', '/mnt', '--json', 'out.json'], { ...usual, folder: '/mnt', json: 'out.json' }],
  [['--list'], { ...usual, wants: 'list' }],
  [['--list', '-h'], { ...usual, wants: 'help' }],
];

for (const [given, expected] of parsed) {
  test(`the options '${given.join(' ')}'`, () => assert.deepEqual(parseBenchOptions(given), expected));
}

for (const given of ['--pairs 0', '--pairs 1.5', '--pairs many', '--scale 0', '--scale 2', '--scale x', '--unknown', 'word']) {
  test(`the options '${given}' are refused`, () =>
    assert.throws(() => parseBenchOptions(given.split(' ')), /--(pairs|scale) takes|'(--unknown|word)'/));
}

test('cells are chosen by a part of their name, peers by their first word, and ours stays', () => {
  const chosen = chooseCells(cells, { only: 'read back', peers: ['cp'], onePeer: false });
  assert.deepEqual(
    chosen.map(({ name, against }) => [name, against.map(({ peer }) => peer.name)]),
    [['mixed, ext4, read back', ['smartcopy']]],
  );
  const cpAlone = chooseCells(cells, { only: 'mixed, ext4', peers: ['cp'], onePeer: false });
  assert.deepEqual(
    cpAlone[0]?.against.map(({ peer }) => peer.name),
    ['cp -a'],
    'cpz is another word',
  );
});

test('with one peer, each cell keeps its first', () => {
  for (const { name, against, unable } of chooseCells(cells, { only: '', onePeer: true })) {
    assert.equal(against.length + unable.length, 1, name);
  }
});

test('a name that no cell has is refused', () => {
  assert.throws(() => chooseCells(cells, { only: 'floppy', onePeer: false }), /no cell has 'floppy' in its name/);
});

test('a cell is listed with its peers and gates', () => {
  const [cell] = chooseCells(cells, { only: '1 GiB, ext4', onePeer: false });
  assert.ok(cell !== undefined);
  assert.equal(describeCell(cell), '1 GiB, ext4: smartcopy against rsync -aW (>= 7.00x), cp -a (>= 1.60x), memoryCopyShare 0.45');
});
