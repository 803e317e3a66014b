import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { Cell } from './cells.ts';

export const usage = `npm run bench -- [options]: copies the same trees with smartcopy and its peers, and prints a table in Markdown

  --quick          3 pairs and trees of a tenth, for what is broken and not for numbers
  --pairs COUNT    pairs of runs for each comparison (7)
  --scale FRACTION of the trees' sizes (1)
  --only TEXT      the cells whose name holds it
  --peers NAMES    the peers whose first word is among these, such as rsync,cp
  --one-peer       the first peer of each cell alone
  --folder DIR     for what needs a disk, best on ext4 (the folder for temporary files)
  --json FILE      also writes what was measured
  --list           names the cells, their peers and gates, and measures nothing

Mounting file systems needs root. Exit status: 0, whatever was fast or slow; 1 when something could not be measured or was copied
wrongly; 2 for wrong usage; 130 when interrupted.
`;

export interface BenchOptions {
  readonly pairCount: number;
  readonly scale: number;
  readonly only: string;
  /** First words; all peers if absent. */
  readonly peers?: readonly string[];
  readonly onePeer: boolean;
  readonly folder: string;
  readonly json?: string;
  readonly wants: 'bench' | 'list' | 'help';
}

/** @throws Error with one sentence for what does not fit */
export function parseBenchOptions(given: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...given],
    options: {
      quick: { type: 'boolean', default: false },
      pairs: { type: 'string' },
      scale: { type: 'string' },
      only: { type: 'string', default: '' },
      peers: { type: 'string' },
      'one-peer': { type: 'boolean', default: false },
      folder: { type: 'string', default: tmpdir() },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick, only, folder, json, peers, list, help } = values;
  const pairCount = Number(values.pairs ?? (quick ? 3 : 7));
  if (!Number.isInteger(pairCount) || pairCount < 1) throw new RangeError(`--pairs takes a whole number from 1, not '${values.pairs}'`);
  const scale = Number(values.scale ?? (quick ? 0.1 : 1));
  if (!(scale > 0 && scale <= 1)) throw new RangeError(`--scale takes a number above 0, at most 1, not '${values.scale}'`);
  return {
    ...{ pairCount, scale, only, folder, onePeer: values['one-peer'] },
    wants: help ? 'help' : list ? 'list' : 'bench',
    ...(peers === undefined ? {} : { peers: peers.split(',') }),
    ...(json === undefined ? {} : { json }),
  };
}

/** What is left of the cells. Ours is never left out where it is the peer. Pure. */
export function chooseCells(
  cells: readonly Cell[],
  { only, peers, onePeer }: Pick<BenchOptions, 'only' | 'peers' | 'onePeer'>,
): readonly Cell[] {
  const isWanted = (name: string): boolean => {
    const [word = name] = name.split(' ');
    return peers === undefined || word === 'smartcopy' || peers.includes(word);
  };
  const chosen = cells
    .filter(({ name }) => name.includes(only))
    .map((cell) => ({
      ...cell,
      against: cell.against.filter(({ peer }) => isWanted(peer.name)).slice(0, onePeer ? 1 : undefined),
      unable: cell.unable.filter(({ name }) => isWanted(name)).slice(0, onePeer ? 1 : undefined),
    }));
  if (chosen.length === 0) throw new RangeError(`no cell has '${only}' in its name; --list names them`);
  return chosen;
}

/** One line for each cell. Pure. */
export function describeCell({ name, ours, against, unable, limits }: Cell): string {
  const gates = [
    ...against.map(({ peer, atLeast }) => `${peer.name}${atLeast === undefined ? '' : ` (>= ${atLeast.toFixed(2)}x)`}`),
    ...unable.map((peer) => `${peer.name} (cannot)`),
    ...Object.entries(limits).map(([limit, value]) => `${limit} ${value}`),
  ];
  return `${name}: ${ours.name} against ${gates.join(', ')}`;
}
