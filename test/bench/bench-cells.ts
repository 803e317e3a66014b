import type { Cell } from './cells.ts';
import { type Conditions, measureAgainst, measureAllocation, measureMemoryShare, measurePeakMemory, measureUnable } from './measure.ts';
import { brokenRow, comparisonRow, limitRow, memoryShareRow, type Row, unableRow } from './report.ts';

/** Measures the cells one after the other. What cannot be measured is a row too: it must be seen, and hold up nothing else. */
export async function* benchCells(cells: readonly Cell[], conditions: Conditions): AsyncGenerator<Row> {
  for (const cell of cells) {
    for (const [against, measure] of measurements(cell, conditions)) {
      let row: Row;
      try {
        row = await measure();
      } catch (error) {
        conditions.signal.throwIfAborted();
        row = brokenRow(cell, against, error instanceof Error ? error.message : String(error));
      }
      yield row;
    }
  }
}

type Measurement = readonly [against: string, measure: () => Promise<Row>];

/** What is to be measured of a cell, in the order of its rows. */
function* measurements(cell: Cell, conditions: Conditions): Generator<Measurement> {
  const { against, unable, limits } = cell;
  for (const one of against) {
    yield [one.peer.name, async () => comparisonRow(cell, one, await measureAgainst(cell, one, conditions))];
  }
  for (const peer of unable) {
    yield [peer.name, async () => unableRow(cell, peer.name, await measureUnable(cell, peer, conditions))];
  }
  const { memoryCopyShare, peakMemoryBytes, allocatedShare } = limits;
  if (memoryCopyShare !== undefined) {
    const { bytes } = cell.tree(conditions.scale);
    const measure = async () => memoryShareRow(cell, memoryCopyShare, { share: await measureMemoryShare(cell, conditions), bytes });
    yield ['copying in memory', measure];
  }
  if (peakMemoryBytes !== undefined) {
    const show = (value: number) => `${Math.round(value / 1e6)} MB`;
    const what = 'memory at its highest';
    yield [what, async () => limitRow(cell, what, { value: await measurePeakMemory(cell, conditions), atMost: peakMemoryBytes, show })];
  }
  if (allocatedShare !== undefined) {
    const show = (value: number) => `${value.toFixed(3)}x`;
    const what = 'what the source occupies';
    yield [what, async () => limitRow(cell, what, { value: await measureAllocation(cell, conditions), atMost: allocatedShare, show })];
  }
}
