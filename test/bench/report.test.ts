import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell } from './cells.ts';
import { cp, cpz, smartcopy } from './peers.ts';
import { brokenRow, comparisonRow, limitRow, memoryShareRow, type Row, summarize, tableHead, tableLine, unableRow } from './report.ts';
import { treeOf } from './trees.ts';

const cell: Cell = {
  name: 'a cell',
  tree: () => treeOf('nothing', []),
  place: 'tmpfs',
  destination: 'new',
  cache: 'warm',
  ours: smartcopy(),
  against: [],
  unable: [],
  limits: {},
};

/** Runs of a command of which the engine worked half the time, and moved 2 GB. */
function ours(seconds: number) {
  const progress = { filesDone: 2, bytesDone: 2e9 };
  return { seconds, stdout: JSON.stringify({ progress, durationSeconds: seconds / 2, engineUsed: { readWrite: 2e9 } }) };
}

function peer(seconds: number) {
  return { seconds, stdout: '' };
}

const pairs = [
  { ours: ours(1), peer: peer(3) },
  { ours: ours(2), peer: peer(8) },
  { ours: ours(1), peer: peer(2) },
];
const comparison = { pairs, loadAverage: 0.5 };

test('a comparison is the median of the ratios of pairs, judged by its gate', () => {
  const row = comparisonRow(cell, { peer: cp, atLeast: 3, aim: 4 }, comparison);
  const { tool, seconds, rate, way, against, peerSeconds, result, gate, verdict, note } = row;
  assert.deepEqual(
    [tool, seconds, rate, way, against, peerSeconds, result, gate, verdict, note],
    [
      ...['smartcopy', '1.00 (0.500)', '2.00 GB/s', 'readWrite 2000 MB', 'cp -a', '3.00'],
      ...['**3.00x** (2.00x to 4.00x)', '>= 3.00x, aim 4.00x', 'met', 'lack durability'],
    ],
  );
  assert.equal(comparisonRow(cell, { peer: cp, atLeast: 3.01 }, comparison).verdict, 'missed');
  assert.equal(comparisonRow(cell, { peer: cp }, comparison).verdict, 'no gate');
});

test('a comparison with the time of the engine says so', () => {
  const { result, verdict } = comparisonRow(cell, { peer: cp, atLeast: 6, ourTime: 'engine' }, comparison);
  assert.deepEqual([result, verdict], ['**6.00x** (4.00x to 8.00x), without our start', 'met']);
});

test('bytes that are shared are in no rate', () => {
  const progress = { filesDone: 1, bytesDone: 2e9 };
  const shared = { seconds: 1, stdout: JSON.stringify({ progress, durationSeconds: 0.5, engineUsed: { reflink: 2e9 } }) };
  assert.equal(comparisonRow(cell, { peer: cp }, { pairs: [{ ours: shared, peer: peer(1) }], loadAverage: 0 }).rate, '');
});

test('an engine that does not say its time is no number', () => {
  const silent = { pairs: [{ ours: peer(1), peer: peer(1) }], loadAverage: 0 };
  assert.throws(() => comparisonRow(cell, { peer: cp, ourTime: 'engine' }, silent), /did not say how long/);
});

test('what a peer keeps less stands in its row', () => {
  const { note } = comparisonRow(cell, { peer: cpz }, comparison);
  assert.equal(note, 'lack file owners, directory owners, file times, directory times, hard links, xattrs, durability');
});

test('the share of memory copying is of the whole command, with the share of the engine beside it', () => {
  const share = { runs: [ours(1), ours(2), ours(4)], memoryRates: [3e9, 4e9, 5e9] };
  const { result, verdict } = memoryShareRow(cell, 0.25, { share, bytes: 2e9 });
  assert.deepEqual([result, verdict], ['**25 %** (13 % to 50 %); the engine alone 50 %', 'met']);
  assert.equal(memoryShareRow(cell, 0.26, { share, bytes: 2e9 }).verdict, 'missed');
});

test('a limit is met up to itself', () => {
  const show = (value: number) => `${value} MB`;
  const judge = (value: number) => limitRow(cell, 'memory', { value, atMost: 200, show });
  assert.deepEqual([judge(200).verdict, judge(201).verdict, judge(201).result], ['met', 'missed', '**201 MB**']);
});

test('of a peer that cannot the end of its words is shown', () => {
  const { note, verdict } = unableRow(cell, 'cp -a', `cp: ${'d/'.repeat(5000)}: File name too long`);
  assert.match(note, /^\.\.\. (d\/)+: File name too long$/);
  assert.deepEqual([note.length, verdict], [84, 'no gate']);
});

test('the table has as many columns in its head as in its lines, whatever a tool said', () => {
  const broken = brokenRow(cell, 'cp -a', 'it said: a | b\nand more');
  const counts = [...tableHead().split('\n'), tableLine(broken)].map((line) => line.split(/(?<!\\)\|/).length);
  assert.deepEqual(new Set(counts).size, 1);
  assert.match(tableLine(broken), /\| broken \| .*a \\\| b and more \|$/);
  assert.match(tableLine(comparisonRow(cell, { peer: cp, atLeast: 9 }, comparison)), />= 9\.00x: \*\*missed\*\*/);
});

test('the summary counts gates, and what is broken', () => {
  const rows: readonly Row[] = [
    comparisonRow(cell, { peer: cp, atLeast: 1 }, comparison),
    comparisonRow(cell, { peer: cp, atLeast: 9 }, comparison),
    comparisonRow(cell, { peer: cp }, comparison),
    brokenRow(cell, 'cp -a', 'why'),
  ];
  assert.equal(summarize(rows), '1 of 2 gates met, 1 of 4 lines broken.');
});
