import { setImmediate } from 'node:timers/promises';
import { digestAlgorithm } from '@smartcopy/crds';
import { readableNumber } from '@smartcopy/crds/progress';
import { digestRate } from '@smartcopy/native';
import { escapePath } from '../engine/escape-path.ts';
import { movedBytes } from '../engine/rate.ts';
import { SmartcopyError } from '../errors.ts';
import type { CopySettings } from '../library/copy-settings.ts';
import { Engine } from '../library/engine.ts';
import { directBuffer, readSequentially, writeSequentially } from './sequential-io.ts';
import type { WorkFolder } from './work-folder.ts';

/** One measured thing. */
export type Measurement = Timed | Rated | Absent;

interface Timed {
  readonly name: string;
  readonly seconds: number;
  readonly bytes: number;
  /** Of many files. */
  readonly files?: number;
}

/** What the engine measured itself, and said only the rate of. */
interface Rated {
  readonly name: string;
  readonly bytesPerSecond: number;
}

interface Absent {
  readonly name: string;
  /** Why there is no number. */
  readonly absent: string;
}

export function rateOf(measurement: Timed | Rated): number {
  if ('bytesPerSecond' in measurement) return measurement.bytesPerSecond;
  return measurement.seconds > 0 ? measurement.bytes / measurement.seconds : 0;
}

export interface BenchmarkPlan {
  /** Of the large file. */
  readonly sizeBytes: number;
  readonly smallFileCount: number;
  readonly smallFileBytes: number;
}

const MiB = 1024 ** 2;
const filesInDirectory = 500;
const digestMs = 250;

/** A plan for a size that a person chose: small files take at most a tenth of it. */
export function planBenchmark(sizeBytes: number): BenchmarkPlan {
  const smallFileBytes = 4096;
  return { sizeBytes, smallFileBytes, smallFileCount: Math.max(100, Math.min(20_000, Math.floor(sizeBytes / 10 / smallFileBytes))) };
}

/** What must be free: the large file and its copy, and the small ones, which take whole blocks and names, twice. */
export function neededBytes({ sizeBytes, smallFileCount, smallFileBytes }: BenchmarkPlan): number {
  return 2 * sizeBytes + 4 * smallFileCount * smallFileBytes + 16 * MiB;
}

/**
 * Measures one thing after the other, each told as it is known.
 * @throws what the signal was aborted with; NodeJS.ErrnoException and CopyError when the storage fails
 */
export async function* measure(folder: WorkFolder, plan: BenchmarkPlan, signal: AbortSignal): AsyncGenerator<Measurement, void, undefined> {
  const steps: readonly (() => Promise<Measurement> | Measurement)[] = [
    () => measureMemory(plan),
    () =>
      timed('write, sequential', plan.sizeBytes, () =>
        writeSequentially(folder.file('large'), { length: plan.sizeBytes, isDirect: false }, signal),
      ),
    () =>
      timed('read again, from the page cache', plan.sizeBytes, () => readSequentially(folder.file('large'), { isDirect: false }, signal)),
    () => measureDirectly('write, O_DIRECT', folder, plan, signal),
    () => measureDirectly('read, O_DIRECT', folder, plan, signal),
    () => measureCopy('copy of one large file', { folder, source: 'large' }, {}, signal),
    () => measureCopy('the same, durable', { folder, source: 'large' }, { durability: 'File' }, signal),
    () => measureCopy('the same, read back (XXH3)', { folder, source: 'large' }, { verify: { algorithm: 'XXH3' } }, signal),
    () => measureSmallFiles(folder, plan, signal),
    ...digestAlgorithm.options.map((algorithm) => () => measureDigest(algorithm)),
  ];
  for (const step of steps) {
    await setImmediate(); // A signal is heard between two steps, also where they do not wait for anything.
    signal.throwIfAborted();
    yield await step();
  }
}

/** The bound of everything that passes through memory: one thread, blocks too large for the caches. */
function measureMemory({ sizeBytes }: BenchmarkPlan): Measurement {
  const length = 64 * MiB;
  const [from, to] = [Buffer.alloc(length, 1), Buffer.alloc(length, 2)];
  const times = Math.max(4, Math.min(16, Math.ceil(sizeBytes / length)));
  const began = performance.now();
  for (let count = 0; count < times; count += 1) from.copy(to);
  return { name: 'memory copy, one thread', seconds: secondsSince(began), bytes: times * length };
}

async function timed(name: string, bytes: number, act: () => Promise<void>): Promise<Measurement> {
  const began = performance.now();
  await act();
  return { name, seconds: secondsSince(began), bytes };
}

async function measureDirectly(
  name: 'write, O_DIRECT' | 'read, O_DIRECT',
  folder: WorkFolder,
  plan: BenchmarkPlan,
  signal: AbortSignal,
): Promise<Measurement> {
  const buffer = directBuffer(folder.file('direct'));
  if (buffer === undefined) return { name, absent: 'this file system cannot bypass the page cache' };
  const length = Math.floor(plan.sizeBytes / buffer.length) * buffer.length;
  const file = folder.file('direct');
  if (name === 'write, O_DIRECT')
    return await timed(name, length, () => writeSequentially(file, { length, isDirect: true, buffer }, signal));
  const read = await timed(name, length, () => readSequentially(file, { isDirect: true, buffer }, signal));
  folder.remove('direct'); // The copies need its place.
  return read;
}

interface Copied {
  readonly folder: WorkFolder;
  readonly source: string;
}

/**
 * Every copy goes to a new name: ext4 is slow where files were deleted a moment ago. Bytes are read and written also where blocks could be
 * shared (btrfs, XFS), for sharing takes no time that depends on the storage, and its rate would be none.
 */
async function measureCopy(name: string, { folder, source }: Copied, settings: CopySettings, signal: AbortSignal): Promise<Measurement> {
  const destination = folder.newFile();
  const began = performance.now();
  const { counters } = await new Engine({ ...settings, io: 'Posix', signal }).copy(folder.file(source), destination);
  const seconds = secondsSince(began);
  folder.removePath(destination);
  if (movedBytes(counters) !== counters.bytesTotal) {
    throw new SmartcopyError('SC_BENCHMARK', `${escapePath(destination)} was not copied whole`);
  }
  return { name, seconds, bytes: counters.bytesDone, ...(counters.filesDone > 1 ? { files: counters.filesDone } : {}) };
}

async function measureSmallFiles(folder: WorkFolder, plan: BenchmarkPlan, signal: AbortSignal): Promise<Measurement> {
  folder.remove('large');
  await folder.makeSmallFiles('small', { ...plan, filesInDirectory }, signal);
  return await measureCopy(`copy of ${readableNumber(plan.smallFileCount)} files of 4 KiB`, { folder, source: 'small' }, {}, signal);
}

function measureDigest(algorithm: (typeof digestAlgorithm.options)[number]): Measurement {
  return { name: `digest ${algorithm}, one thread, in cache`, bytesPerSecond: digestRate(algorithm, digestMs) };
}

function secondsSince(beganMs: number): number {
  return (performance.now() - beganMs) / 1000;
}
