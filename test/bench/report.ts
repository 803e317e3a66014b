import type { Against, Cell } from './cells.ts';
import { type CopyAnswer, readCopyAnswer } from './copy-answer.ts';
import type { Machine } from './machine.ts';
import type { Comparison, MemoryShare } from './measure.ts';
import { median, pairedRatio } from './pairs.ts';
import type { Tool } from './peers.ts';

/** Of a gate; `broken` is what could not be measured, for which there is no excuse. */
type Verdict = 'met' | 'missed' | 'no gate' | 'broken';

/** One line of the table, in words. */
export interface Row {
  readonly cell: string;
  readonly tool: string;
  /** Of the whole command, and behind it the engine's own. */
  readonly seconds: string;
  readonly rate: string;
  /** What the engine moved in which way. */
  readonly way: string;
  readonly against: string;
  readonly peerSeconds: string;
  readonly result: string;
  readonly gate: string;
  readonly verdict: Verdict;
  /** What the peer's copies lack, or why there is no number. */
  readonly note: string;
  /** The numbers behind the words, as they were measured. */
  readonly measured?: unknown;
}

/** The row of a comparison with a peer. Pure. */
export function comparisonRow(cell: Cell, against: Against, { pairs, loadAverage }: Comparison): Row {
  const answers = pairs.map(({ ours }) => readCopyAnswer(ours.stdout));
  const byEngine = against.ourTime === 'engine';
  const timed = pairs.map(({ ours, peer }, index) => ({
    ours: byEngine ? demandEngineSeconds(answers[index]) : ours.seconds,
    peer: peer.seconds,
  }));
  const ratio = pairedRatio(timed);
  return {
    ...describeOurs(
      cell,
      pairs.map(({ ours }) => ours),
    ),
    against: against.peer.name,
    peerSeconds: showSeconds(median(timed.map(({ peer }) => peer))),
    result: `**${times(ratio.median)}** (${times(ratio.lowest)} to ${times(ratio.highest)})${byEngine ? ', without our start' : ''}`,
    ...judgeAtLeast(ratio.median, against, times),
    note: describeLacks(against.peer),
    measured: { loadAverage, ratio, pairs: timed, engineSeconds: answers.map((answer) => answer?.engineSeconds) },
  };
}

/** The row of the share of what is physically possible. Pure. */
export function memoryShareRow(cell: Cell, atLeast: number, measured: { readonly share: MemoryShare; readonly bytes: number }): Row {
  const { runs, memoryRates } = measured.share;
  const memoryRate = median(memoryRates);
  const shares = runs.map(({ seconds }) => measured.bytes / seconds / memoryRate);
  const engineShares = runs.flatMap(({ stdout }) => {
    const seconds = readCopyAnswer(stdout)?.engineSeconds;
    return seconds === undefined ? [] : [measured.bytes / seconds / memoryRate];
  });
  const engine = engineShares.length > 0 ? `; the engine alone ${percent(median(engineShares))}` : '';
  return {
    ...describeOurs(cell, runs),
    against: `copying in memory with 2 threads (${(memoryRate / 1e9).toFixed(1)} GB/s)`,
    peerSeconds: '',
    result: `**${percent(median(shares))}** (${percent(Math.min(...shares))} to ${percent(Math.max(...shares))})${engine}`,
    ...judgeAtLeast(median(shares), { atLeast }, percent),
    note: '',
    measured: { memoryRates, shares, engineShares },
  };
}

/** The row of a number that must stay below another. Pure. */
export function limitRow(cell: Cell, what: string, limit: Limit): Row {
  return {
    ...describeOurs(cell, []),
    against: what,
    peerSeconds: '',
    result: `**${limit.show(limit.value)}**`,
    gate: `<= ${limit.show(limit.atMost)}`,
    verdict: limit.value <= limit.atMost ? 'met' : 'missed',
    note: '',
    measured: { value: limit.value },
  };
}

export interface Limit {
  readonly value: number;
  readonly atMost: number;
  readonly show: (value: number) => string;
}

/** Of what a peer says when it fails: the path comes first, and may be as long as paths get. */
const shownWords = 80;

/** The row of a peer that cannot do it. Pure. */
export function unableRow(cell: Cell, peer: string, why: string): Row {
  const note = why.length > shownWords ? `... ${why.slice(-shownWords)}` : why;
  return { ...describeOurs(cell, []), against: peer, peerSeconds: '', result: 'cannot', gate: '', verdict: 'no gate', note };
}

/** The row of what could not be measured. Pure. */
export function brokenRow(cell: Cell, against: string, why: string): Row {
  return { ...describeOurs(cell, []), against, peerSeconds: '', result: 'broken', gate: '', verdict: 'broken', note: why };
}

function describeLacks({ lacks, lacksUnseen }: Tool): string {
  const all = [...lacks, ...lacksUnseen];
  return all.length > 0 ? `lack ${all.join(', ')}` : '';
}

function describeOurs(cell: Cell, runs: readonly { readonly seconds: number; readonly stdout: string }[]) {
  const base = { cell: cell.name, tool: cell.ours.name };
  if (runs.length === 0) return { ...base, seconds: '', rate: '', way: '' };
  const answers = runs.map(({ stdout }) => readCopyAnswer(stdout)).filter((answer) => answer !== undefined);
  const engine = answers.map(({ engineSeconds }) => engineSeconds);
  const seconds = median(runs.map((run) => run.seconds));
  return {
    ...base,
    seconds: `${showSeconds(seconds)}${engine.length > 0 ? ` (${showSeconds(median(engine))})` : ''}`,
    rate: cell.destination === 'new' ? describeRate(answers.at(-1), seconds) : '',
    way: answers.at(-1)?.way ?? '',
  };
}

/** From here on bytes are what takes the time, below it is files. */
const largeFileBytes = 100_000;

function describeRate(answer: CopyAnswer | undefined, seconds: number): string {
  if (answer === undefined || answer.filesDone === 0) return '';
  if (answer.bytesDone / answer.filesDone < largeFileBytes)
    return `${Math.round(answer.filesDone / seconds).toLocaleString('en-US')} files/s`;
  return answer.bytesMoved > 0 ? `${(answer.bytesMoved / seconds / 1e9).toFixed(2)} GB/s` : '';
}

function demandEngineSeconds(answer: CopyAnswer | undefined): number {
  if (answer === undefined) throw new Error('smartcopy did not say how long its engine worked');
  return answer.engineSeconds;
}

function judgeAtLeast(
  value: number,
  { atLeast, aim }: Pick<Against, 'atLeast' | 'aim'>,
  show: (value: number) => string,
): Pick<Row, 'gate' | 'verdict'> {
  if (atLeast === undefined) return { gate: '', verdict: 'no gate' };
  const gate = `>= ${show(atLeast)}${aim === undefined ? '' : `, aim ${show(aim)}`}`;
  return { gate, verdict: value >= atLeast ? 'met' : 'missed' };
}

function showSeconds(seconds: number): string {
  return seconds.toFixed(seconds < 1 ? 3 : 2);
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

const columns = ['cell', 'ours', 's (engine)', 'rate', 'way', 'against', 's', 'result (lowest to highest)', 'gate', 'its copies'];

export function tableHead(): string {
  return [line(columns), line(columns.map(() => '---'))].join('\n');
}

export function tableLine(row: Row): string {
  const { cell, tool, seconds, rate, way, against, peerSeconds, result, gate, verdict, note } = row;
  const judged = gate === '' ? '' : `${gate}: ${verdict === 'missed' ? '**missed**' : verdict}`;
  return line([cell, tool, seconds, rate, way, against, peerSeconds, result, judged, note]);
}

function line(parts: readonly string[]): string {
  return `| ${parts.map((part) => part.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
}

/** What was measured where, before the table. */
export function describeRun(
  machine: Machine,
  facts: { readonly memoryRates: readonly [number, number]; readonly startSeconds: number },
): string {
  const { cpu, cpuCount, memoryBytes, kernel, distribution, node, disk } = machine;
  const [one, two] = facts.memoryRates.map((rate) => (rate / 1e9).toFixed(1));
  return [
    `${cpuCount} CPUs (${cpu}), ${Math.round(memoryBytes / 1024 ** 3)} GiB, Linux ${kernel}, ${distribution}, Node ${node}, disk: ${disk}.`,
    `Memory is copied at ${one} GB/s by one thread, ${two} GB/s by two. SmartCopy's start (launcher and Node) takes ${facts.startSeconds.toFixed(2)} s.`,
  ].join('\n');
}

/** The last words: how many gates were met, and what else the machine was doing. */
export function summarize(rows: readonly Row[]): string {
  const count = (verdict: Verdict) => rows.filter((row) => row.verdict === verdict).length;
  const judged = count('met') + count('missed');
  return `${count('met')} of ${judged} gates met, ${count('broken')} of ${rows.length} lines broken.`;
}
