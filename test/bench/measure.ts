import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { execute } from '../support/programs.ts';
import type { Against, Cell } from './cells.ts';
import { type Command, missingPrograms, type Ran, run } from './command.ts';
import { touchFreeMemory } from './machine.ts';
import { memoryCopyRate } from './memory-copy.ts';
import { abba } from './pairs.ts';
import type { Tool } from './peers.ts';
import { forgetFile, openPlace, type Place } from './places.ts';
import type { Tree } from './trees.ts';

/** How all cells of one run are measured. */
export interface Conditions {
  readonly pairCount: number;
  /** Fraction of the trees' full sizes. */
  readonly scale: number;
  /** A folder on a disk, for what does not live in memory. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

interface Pair {
  readonly ours: Ran;
  readonly peer: Ran;
}

export interface Comparison {
  readonly pairs: readonly Pair[];
  /** Of the last minute, when it began: what else the machine was doing. */
  readonly loadAverage: number;
}

/**
 * Times ours and the peer's next to each other, in the order ABBA, after a run of each that is not counted and warms what there
 * is to warm. Its copy is compared with the source, and so is the last that is counted: a wrong copy has no speed.
 * @throws Error when a tool is missing, fails, answers wrongly, or makes another tree
 */
export async function measureAgainst(cell: Cell, { peer }: Against, conditions: Conditions): Promise<Comparison> {
  demandPrograms(peer);
  await using site = await Site.open(cell, 2 * (conditions.pairCount + 1), conditions);
  const loadAverage = loadavg()[0] ?? 0;
  await site.checked(cell.ours);
  await site.checked(peer);
  const pairs: Pair[] = [];
  for (const [index, oursFirst] of abba(conditions.pairCount).entries()) {
    const isLast = index + 1 === conditions.pairCount;
    const time = (tool: Tool): Promise<Ran> => (isLast ? site.checked(tool) : site.timed(tool));
    if (oursFirst) pairs.push({ ours: await time(cell.ours), peer: await time(peer) });
    else {
      const first = await time(peer);
      pairs.push({ ours: await time(cell.ours), peer: first });
    }
  }
  return { pairs, loadAverage };
}

export interface MemoryShare {
  readonly runs: readonly Ran[];
  /** Bytes per second that two threads copied in memory between the runs. */
  readonly memoryRates: readonly number[];
}

/** Our runs alone, and between them what is physically possible. */
export async function measureMemoryShare(cell: Cell, conditions: Conditions): Promise<MemoryShare> {
  await using site = await Site.open(cell, conditions.pairCount + 1, conditions);
  await site.checked(cell.ours);
  const runs: Ran[] = [];
  const memoryRates: number[] = [];
  for (let count = 0; count < conditions.pairCount; count += 1) {
    memoryRates.push(await memoryCopyRate(2));
    runs.push(await (count + 1 === conditions.pairCount ? site.checked(cell.ours) : site.timed(cell.ours)));
  }
  return { runs, memoryRates };
}

/** The most memory that our process, or one it started, had at a time, in bytes. */
export async function measurePeakMemory(cell: Cell, conditions: Conditions): Promise<number> {
  const noteTime: Tool = { ...cell.ours, programs: ['time'], command: (ends) => withPeak(cell.ours.command(ends), notes) };
  demandPrograms(noteTime);
  await using site = await Site.open(cell, 1, conditions);
  const notes = join(site.path, 'peak');
  await site.checked(noteTime);
  return Number(readFileSync(notes, 'utf8')) * 1024;
}

/** GNU time, which asks the kernel for it in KiB. */
function withPeak(command: Command, notes: string): Command {
  return ['time', '--format', '%M', '--output', notes, ...command];
}

/** What our copy occupies, as a multiple of what the source does. */
export async function measureAllocation(cell: Cell, conditions: Conditions): Promise<number> {
  await using site = await Site.open(cell, 1, conditions);
  const { destination } = await site.copy(cell.ours);
  return allocatedBytes(destination) / allocatedBytes(site.source);
}

/**
 * Lets a peer try what it is said to be unable to do.
 * @returns why it failed, in its own words
 * @throws Error when it did not
 */
export async function measureUnable(cell: Cell, peer: Tool, conditions: Conditions): Promise<string> {
  demandPrograms(peer);
  await using site = await Site.open(cell, 1, conditions);
  try {
    await site.copy(peer);
  } catch (error) {
    conditions.signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error(`${peer.name} was said to be unable to copy this, and did: compare with it`);
}

function demandPrograms({ name, programs }: Tool): void {
  const missing = missingPrograms(programs);
  if (missing.length > 0) throw new Error(`${name} cannot be compared with: this host has no ${missing.join(' and no ')}`);
}

/** A place with the cell's source in it. */
class Site implements AsyncDisposable {
  readonly path: string;
  readonly source: string;
  readonly #cell: Cell;
  readonly #tree: Tree;
  readonly #place: Place;
  readonly #signal: AbortSignal;
  #copyCount = 0;

  private constructor(cell: Cell, tree: Tree, { place, signal }: { readonly place: Place; readonly signal: AbortSignal }) {
    this.path = place.path;
    this.source = join(place.path, 'source');
    this.#cell = cell;
    this.#tree = tree;
    this.#place = place;
    this.#signal = signal;
  }

  static async open(cell: Cell, runCount: number, { scale, folder, signal }: Conditions): Promise<Site> {
    const tree = cell.tree(scale);
    const place = await openPlace({ kind: cell.place, bytes: spaceFor(tree, runCount, cell.place), folder });
    const site = new Site(cell, tree, { place, signal });
    try {
      await mkdir(site.source);
      tree.plant(site.source);
      if (cell.destination !== 'new') await execute('cp', ['-aT', site.source, site.#existing()]);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  #existing(): string {
    return join(this.path, 'copy');
  }

  /** Runs the tool and leaves its copy. */
  async copy(tool: Tool): Promise<{ readonly ran: Ran; readonly destination: string }> {
    const destination = this.#cell.destination === 'new' ? join(this.path, `copy${this.#copyCount++}`) : this.#existing();
    if (this.#cell.destination === 'outdated') this.#change();
    await this.#place.settle();
    if (this.#cell.cache === 'cold') {
      await forgetContent(this.source);
      await this.#place.forgetDisk();
    }
    await touchFreeMemory(occupiedBytes(this.#tree));
    const ran = await run(tool.command({ source: this.source, destination }), this.#signal);
    const wrong = tool.wrongAnswer?.(ran.stdout, this.#tree);
    if (wrong !== undefined) throw new Error(`${tool.name} did not do its work: ${wrong}`);
    return { ran, destination };
  }

  #change(): void {
    if (this.#tree.change === undefined) throw new TypeError(`nothing of ${this.#tree.name} can be changed`);
    this.#tree.change(this.source);
  }

  async timed(tool: Tool): Promise<Ran> {
    const { ran, destination } = await this.copy(tool);
    await this.#giveBack(destination);
    return ran;
  }

  /** Compares the copy too, when its time has been taken. */
  async checked(tool: Tool): Promise<Ran> {
    const { ran, destination } = await this.copy(tool);
    const difference = this.#tree.firstDifference(destination, this.source, tool.lacks);
    if (difference !== undefined) throw new Error(`${tool.name} made another tree: ${difference} (copy | source)`);
    await this.#giveBack(destination);
    return ran;
  }

  async #giveBack(destination: string): Promise<void> {
    if (this.#cell.destination === 'new') await this.#place.giveBack(destination);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }
}

/** What small files occupy beside their content: an inode, and the rest of a block. */
const fileOverheadBytes = 1024;
/** From here on places give copies back. */
const largeFileBytes = 64 * 1024;

/** Bytes at a time: the source and one copy, and where copies cannot be given back, all of them. */
function spaceFor(tree: Tree, runCount: number, place: Cell['place']): number {
  const isGivenBack = place.startsWith('tmpfs') || tree.bytes / tree.fileCount >= largeFileBytes;
  return (isGivenBack ? 3 : runCount + 2) * occupiedBytes(tree);
}

function occupiedBytes({ bytes, fileCount }: Tree): number {
  return bytes + fileCount * fileOverheadBytes;
}

/** Drops the content of a tree's files from memory, and makes sure of it. */
async function forgetContent(folder: string): Promise<void> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const path of entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))) {
    await forgetFile(path);
    const left = Number(await execute('fincore', ['--noheadings', '--bytes', '--output', 'RES', path]));
    if (left > 0)
      throw new Error(`${left} bytes of ${path} are still in memory: this file system does not drop them, so nothing here is cold`);
  }
}

function allocatedBytes(folder: string): number {
  const blockBytes = 512; // whatever the file system's own are: stat counts in these
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).blocks * blockBytes, 0);
}
