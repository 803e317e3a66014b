/** `npm run bench`; options.ts says what it takes. */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import process from 'node:process';
import { benchCells } from './bench-cells.ts';
import { type Cell, cells } from './cells.ts';
import { run } from './command.ts';
import { describeMachine } from './machine.ts';
import { memoryCopyRate } from './memory-copy.ts';
import { type BenchOptions, chooseCells, describeCell, parseBenchOptions, usage } from './options.ts';
import { median } from './pairs.ts';
import { launcher } from './peers.ts';
import { describeRun, type Row, summarize, tableHead, tableLine } from './report.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  let options: BenchOptions;
  let chosen: readonly Cell[];
  try {
    options = parseBenchOptions(process.argv.slice(2));
    chosen = chooseCells(cells, options);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options.wants === 'help') process.stdout.write(usage);
  else if (options.wants === 'list') for (const cell of chosen) console.log(describeCell(cell));
  else return await bench(chosen, options);
  return 0;
}

async function bench(chosen: readonly Cell[], { pairCount, scale, folder, json }: BenchOptions): Promise<number> {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
  const { signal } = interruption;
  const machine = describeMachine(folder);
  const facts = { memoryRates: [await memoryCopyRate(1), await memoryCopyRate(2)] as const, startSeconds: await startSeconds(signal) };
  console.log(`${describeRun(machine, facts)}\n${pairCount} pairs, scale ${scale}.\n\n${tableHead()}`);

  const rows: Row[] = [];
  const loads: number[] = [];
  try {
    for await (const row of benchCells(chosen, { pairCount, scale, folder, signal })) {
      rows.push(row);
      loads.push(loadavg()[0] ?? 0);
      console.log(tableLine(row));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return 130;
  } finally {
    if (json !== undefined) writeFileSync(json, JSON.stringify({ machine, facts, pairCount, scale, rows }, undefined, 2));
  }
  console.log(`\n${summarize(rows)} Load average: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}, our own included.`);
  return rows.some(({ verdict }) => verdict === 'broken') ? 1 : 0;
}

/** Our share of every short time. */
async function startSeconds(signal: AbortSignal): Promise<number> {
  const all: number[] = [];
  for (let count = 0; count < 5; count += 1) all.push((await run([launcher, '--version'], signal)).seconds);
  return median(all);
}
