import assert from 'node:assert/strict';
import { type BigIntStats, readlinkSync } from 'node:fs';
import { HeldDirectory } from './held-directory.ts';
import { sameContent } from './same-content.ts';

/** As many differences as a failure shows: the first ones tell. */
const shownCount = 20;
const shownPathLength = 200;

/**
 * Fails when two trees are not the same: names, types, bytes, modes, owners, modification times to the nanosecond, targets of
 * links, and which names are one file. It shares nothing with the engine.
 */
export function assertSameTree(actual: string, expected: string): void {
  const found: string[] = [];
  for (const difference of compareTrees(actual, expected)) {
    if (found.push(difference) === shownCount) break;
  }
  assert.ok(found.length === 0, `${actual} is not as ${expected} (actual | expected):\n  ${found.join('\n  ')}`);
}

/** What a tool may be known not to keep, and what is then left out of a comparison. */
export type Aspect = `${'file' | 'directory'} ${'modes' | 'owners' | 'times'}` | 'hard links';

/** One line for each difference. Trees of any size and depth; they must not change meanwhile. */
export function* compareTrees(actual: string, expected: string, leaveOut: readonly Aspect[] = []): Generator<string> {
  using place = new Place(actual, expected);
  const links = new LinkGroups();
  yield* differencesOf(Buffer.from('.'), place.stats(), leaveOut);
  // The folders from the top to the present one, which alone is open: neither descriptors nor the stack limit the depth.
  const way: Folder[] = [{ path: Buffer.alloc(0), namesLeft: place.names() }];
  for (let folder = way.at(-1); folder !== undefined; folder = way.at(-1)) {
    const name = folder.namesLeft.pop();
    if (name === undefined) {
      way.pop();
      if (way.length > 0) place.leave();
      continue;
    }
    const path = Buffer.concat([folder.path, name]);
    const stats = place.statsOf(name);
    yield* differencesOf(path, stats, leaveOut);
    if (!areOfOneType(stats)) continue;
    if (!leaveOut.includes('hard links') && !links.agree(path, stats)) yield `${show(path)}: is one file with other names`;
    if (stats.actual.isDirectory()) {
      place.enter(name);
      way.push({ path: Buffer.concat([path, Buffer.from('/')]), namesLeft: place.names() });
    } else if (!place.hasSameContent(name, stats.actual)) yield `${show(path)}: has other content`;
  }
}

interface Folder {
  /** With a slash at its end, except the top's, which is empty. */
  readonly path: Buffer;
  readonly namesLeft: Buffer[];
}

/** Both sides of one entry; what is missing is undefined. */
interface Pair<T> {
  readonly actual: T;
  readonly expected: T;
}

/** One folder of both trees at a time. */
class Place implements Disposable {
  #actual: HeldDirectory;
  #expected: HeldDirectory;

  constructor(actual: string, expected: string) {
    this.#actual = HeldDirectory.open(actual);
    this.#expected = HeldDirectory.open(expected);
  }

  /** Of either side, each once; the last is the first in the order of their bytes. */
  names(): Buffer[] {
    const all = new Map([...this.#actual.names(), ...this.#expected.names()].map((name) => [name.toString('latin1'), name]));
    return [...all.values()].sort((one, other) => Buffer.compare(other, one));
  }

  stats(): Pair<BigIntStats> {
    return { actual: this.#actual.stat(), expected: this.#expected.stat() };
  }

  statsOf(name: Buffer): Pair<BigIntStats | undefined> {
    return { actual: this.#actual.statOf(name), expected: this.#expected.statOf(name) };
  }

  hasSameContent(name: Buffer, stats: BigIntStats): boolean {
    const [actual, expected] = [this.#actual.pathOf(name), this.#expected.pathOf(name)];
    if (stats.isFile()) return sameContent(actual, expected);
    if (!stats.isSymbolicLink()) return true;
    return readlinkSync(actual, { encoding: 'buffer' }).equals(readlinkSync(expected, { encoding: 'buffer' }));
  }

  enter(name: string | Buffer): void {
    const [actual, expected] = [this.#actual.openDirectory(name), this.#expected.openDirectory(name)];
    this[Symbol.dispose]();
    this.#actual = actual;
    this.#expected = expected;
  }

  leave(): void {
    this.enter('..');
  }

  [Symbol.dispose](): void {
    this.#actual[Symbol.dispose]();
    this.#expected[Symbol.dispose]();
  }
}

/** Which names are one file, on both sides: two names belong together on one side exactly when they do on the other. */
class LinkGroups {
  readonly #first = { actual: new Map<string, Buffer>(), expected: new Map<string, Buffer>() };

  /** Whether the group of this name, as far as it was met, begins with the same name on both sides. */
  agree(path: Buffer, { actual, expected }: Pair<BigIntStats>): boolean {
    if (actual.isDirectory()) return true;
    return firstName(this.#first.actual, actual, path).equals(firstName(this.#first.expected, expected, path));
  }
}

function firstName(known: Map<string, Buffer>, { dev, ino, nlink }: BigIntStats, path: Buffer): Buffer {
  if (nlink === 1n) return path;
  const key = `${dev} ${ino}`;
  const first = known.get(key) ?? path;
  known.set(key, first);
  return first;
}

function* differencesOf(path: Buffer, { actual, expected }: Pair<BigIntStats | undefined>, leaveOut: readonly Aspect[]): Generator<string> {
  if (actual === undefined || expected === undefined) {
    yield `${show(path)}: is only in ${actual === undefined ? 'expected' : 'actual'}`;
    return;
  }
  const differing = metadata(actual, leaveOut).flatMap(([what, value], index) => {
    const other = metadata(expected, leaveOut)[index]?.[1];
    return value === other ? [] : [`${what} ${value} | ${other}`];
  });
  if (differing.length > 0) yield `${show(path)}: ${differing.join(', ')}`;
}

function metadata(stats: BigIntStats, leaveOut: readonly Aspect[]): readonly (readonly [string, string])[] {
  const kind = stats.isDirectory() ? 'directory' : 'file';
  const mode = leaveOut.includes(`${kind} modes`) ? stats.mode & typeBits : stats.mode;
  return [
    ['type and mode', mode.toString(8)],
    ...(leaveOut.includes(`${kind} owners`) ? [] : [['owner', `${stats.uid}:${stats.gid}`] as const]),
    ...(leaveOut.includes(`${kind} times`) ? [] : [['modified', String(stats.mtimeNs)] as const]),
    ...(stats.isFile() ? [['size', String(stats.size)] as const] : []),
  ];
}

const typeBits = 0o170000n;

function areOfOneType(stats: Pair<BigIntStats | undefined>): stats is Pair<BigIntStats> {
  return stats.actual !== undefined && stats.expected !== undefined && (stats.actual.mode & typeBits) === (stats.expected.mode & typeBits);
}

function show(path: Buffer): string {
  return JSON.stringify(path.toString().slice(0, shownPathLength));
}
