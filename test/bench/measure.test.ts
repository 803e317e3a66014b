import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { benchCells } from './bench-cells.ts';
import type { Cell } from './cells.ts';
import { memoryCopyRate } from './memory-copy.ts';
import { cp, digester, pairOfDigesters, smartcopyVerify, type Tool } from './peers.ts';
import { openPlace } from './places.ts';
import type { Row } from './report.ts';
import { treeOf } from './trees.ts';

const cell: Cell = {
  name: 'a cell',
  tree: () => treeOf('few', [{ folder: 'f', fileCount: 3, fileBytes: 100_000 }]),
  place: 'tmpfs',
  destination: 'new',
  cache: 'warm',
  ours: cp,
  against: [],
  unable: [],
  limits: {},
};

async function rowsOf(t: TestContext, changes: Partial<Cell>, signal = new AbortController().signal): Promise<readonly Row[]> {
  const folder = await temporaryFolder(t);
  const conditions = { pairCount: 2, scale: 1, folder, signal };
  const rows: Row[] = [];
  for await (const row of benchCells([{ ...cell, ...changes }], conditions)) rows.push(row);
  assert.deepEqual(readdirSync(folder), [], 'nothing is left behind');
  return rows;
}

/** A shell script with the source as $0 and the destination as $1. */
function script(text: string): Tool {
  return { ...cp, name: 'a script', command: ({ source, destination }) => ['sh', '-c', text, source, destination] };
}

test('two right tools give a number', async (t) => {
  const [row] = await rowsOf(t, { against: [{ peer: script('cp -aT "$0" "$1"'), atLeast: 1e-9 }] });
  assert.equal(row?.verdict, 'met');
  assert.match(row?.result ?? '', /^\*\*\d+\.\d\dx\*\* \(/);
});

const broken: readonly (readonly [what: string, text: string, said: RegExp])[] = [
  ['leaves out a file', 'cp -aT "$0" "$1" && rm "$1/f/0"', /^a script made another tree: .*f/],
  ['keeps no times', 'cp -rT "$0" "$1"', /^a script made another tree: .*modified/],
  ['fails', 'echo too bad >&2; exit 3', /^sh ended with 3: too bad$/],
  ['is killed', 'kill -9 $$', /^sh ended with SIGKILL/],
];

for (const [what, text, said] of broken) {
  test(`a tool that ${what} is broken, and the next cell is measured all the same`, async (t) => {
    const rows = await rowsOf(t, { against: [{ peer: script(text), atLeast: 1 }, { peer: cp }] });
    assert.deepEqual(
      rows.map(({ verdict }) => verdict),
      ['broken', 'no gate'],
    );
    assert.match(rows[0]?.note ?? '', said);
  });
}

test('a tool that copies once and then only makes the top is broken, whichever of the two it is', async (t) => {
  const text = 'test -e "$0.seen" && exec mkdir "$1"; touch "$0.seen" && cp -aT "$0" "$1"';
  const [asPeer] = await rowsOf(t, { against: [{ peer: script(text), atLeast: 1e-9 }] });
  const [asOurs] = await rowsOf(t, { ours: script(text), against: [{ peer: cp, atLeast: 1e-9 }] });
  const [alone] = await rowsOf(t, { ours: script(text), limits: { memoryCopyShare: 1e-9 } });
  for (const row of [asPeer, asOurs, alone]) {
    assert.equal(row?.verdict, 'broken');
    assert.match(row?.note ?? '', /^a script made another tree/);
  }
});

test('ours is looked at as closely as a peer', async (t) => {
  const [row] = await rowsOf(t, { ours: script('cp -rT "$0" "$1"'), against: [{ peer: cp, atLeast: 1 }] });
  assert.equal(row?.verdict, 'broken');
});

test('a peer that this host does not have is broken, by name', async (t) => {
  const absent: Tool = { ...cp, name: 'warp', programs: ['warp-no-such-program'] };
  const [row] = await rowsOf(t, { against: [{ peer: absent, atLeast: 1 }] });
  assert.deepEqual([row?.verdict, row?.note], ['broken', 'warp cannot be compared with: this host has no warp-no-such-program']);
});

test('a peer that is said to be unable must fail', async (t) => {
  const [unable, able] = await rowsOf(t, { unable: [script('echo cannot >&2; exit 1'), cp] });
  assert.deepEqual([unable?.result, unable?.note, unable?.verdict], ['cannot', 'sh ended with 1: cannot', 'no gate']);
  assert.deepEqual([able?.verdict, able?.note], ['broken', 'cp -a was said to be unable to copy this, and did: compare with it']);
});

test('memory and allocation are measured of our own process and copy', async (t) => {
  const dense: Tool = script('cp -aT --sparse=never "$0" "$1"');
  const [peak, allocated] = await rowsOf(t, { ours: dense, limits: { peakMemoryBytes: 1e9, allocatedShare: 0.5 } });
  assert.deepEqual([peak?.verdict, allocated?.verdict], ['met', 'missed']);
  assert.match(peak?.result ?? '', /^\*\*[1-9]\d* MB\*\*$/);
  assert.equal(allocated?.result, '**1.000x**');
});

test('digests that nobody computed are broken, and those of real programs are not', async (t) => {
  const copied = { destination: 'copied', ours: digester('xxhsum -H2') } as const;
  const silent: Tool = { ...digester('xxhsum -H2'), command: () => ['true'] };
  const verifies: Tool = { ...smartcopyVerify('xxhash3'), command: () => ['true'] };
  const against = [silent, verifies, pairOfDigesters('openssl dgst -sha256'), pairOfDigesters('xxhsum -H2'), digester('b3sum')];
  const rows = await rowsOf(t, { ...copied, against: against.map((peer) => ({ peer, atLeast: 1e-9 })) });
  assert.deepEqual(
    rows.map(({ verdict }) => verdict),
    ['broken', 'broken', 'met', 'met', 'met'],
  );
  assert.match(rows[1]?.note ?? '', /did not do its work: it gave no answer$/);
});

test('our verification is measured too', async (t) => {
  const [row] = await rowsOf(t, {
    destination: 'copied',
    ours: smartcopyVerify('blake3'),
    against: [{ peer: digester('b3sum'), atLeast: 1e-9 }],
  });
  assert.deepEqual([row?.verdict, row?.note], ['met', '']);
});

test('a source changes before each run where the destination is outdated', async (t) => {
  const [row] = await rowsOf(t, { destination: 'outdated', ours: script('cp -au "$0/." "$1"'), against: [{ peer: script('true') }] });
  assert.match(row?.note ?? '', /^a script made another tree/, 'doing nothing is not enough');
  const [same] = await rowsOf(t, { destination: 'copied', ours: script('true'), against: [{ peer: script('true') }] });
  assert.equal(same?.verdict, 'no gate', 'where nothing changed it is');
});

test('an interruption ends the whole run and leaves nothing', async (t) => {
  const interruption = new AbortController();
  setTimeout(() => interruption.abort(), 500);
  const began = Date.now();
  await assert.rejects(rowsOf(t, { against: [{ peer: script('sleep 50; true') }] }, interruption.signal), { name: 'AbortError' });
  assert.ok(Date.now() - began < 25_000, 'also what the tool had started was ended');
});

test('a place on a disk empties large files of copies that are no longer needed, and deletes nothing', async (t) => {
  const folder = await temporaryFolder(t);
  await using place = await openPlace({ kind: 'ext4', bytes: 1000, folder });
  treeOf('two', [
    { folder: 'large', fileCount: 1, fileBytes: 65_536 },
    { folder: 'small', fileCount: 1, fileBytes: 65_535 },
  ]).plant(place.path);
  await place.giveBack(place.path);
  assert.deepEqual(
    ['large/0', 'small/0'].map((path) => statSync(join(place.path, path)).size),
    [0, 65_535],
  );
});

test('memory is copied by as many threads as were asked for', async () => {
  const rate = await memoryCopyRate(2);
  assert.ok(rate > 1e8 && rate < 1e13, `${rate} bytes per second`);
});
