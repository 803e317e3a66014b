import { InputError } from '../errors.ts';
import { maxThreadCount } from '../system/thread-count.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import { OptionWords } from './option-words.ts';
import { parseSize } from './sizes.ts';

/** The options of a copy, checked and combined. */
export interface CopyOptions {
  /** 0 means automatic. */
  readonly threadCount: number;
  readonly bufferBytes: number;
  readonly update: 'IfDifferent' | 'Always';
  readonly durability: 'None' | 'Batch' | 'File';
  readonly io: 'Auto' | 'Posix' | 'IoUring' | 'Mmap';
  readonly directIo: 'Auto' | 'Always' | 'Never';
  readonly sparse: 'Auto' | 'Always' | 'Never';
  readonly integrity: Integrity;
  readonly digestsFile: Buffer | undefined;
  readonly limitBytesPerSecond: number | undefined;
  readonly progress: boolean;
  readonly json: boolean;
  readonly verbosity: 'Quiet' | 'Normal' | 'Verbose';
}

interface Integrity {
  readonly digest?: 'XXH3' | 'BLAKE3';
  readonly verify: 'None' | 'Source' | 'Readback';
}

const defaultBufferBytes = 1024 ** 2;

/**
 * @param given what commander found on the command line
 * @throws InputError with one sentence for each option that does not fit
 */
export function parseCopyOptions(given: object): CopyOptions {
  const words = new OptionWords(given);
  const options: CopyOptions = {
    threadCount: words.value('threads', parseThreads) ?? 0,
    bufferBytes: words.value('bufferSize', parseBufferSize) ?? defaultBufferBytes,
    update: chooseUpdate(words),
    durability: words.choice('durability', { none: 'None', batch: 'Batch', file: 'File' } as const) ?? 'None',
    ...chooseCalls(words),
    sparse: words.value('sparse', parseSparse) ?? 'Auto',
    integrity: chooseIntegrity(words),
    digestsFile: words.value('digests', parseDigestsFile),
    limitBytesPerSecond: words.value('bandwidthLimit', parseRate),
    progress: words.flag('progress'),
    json: words.flag('json'),
    verbosity: words.flag('quiet') ? 'Quiet' : words.flag('verbose') ? 'Verbose' : 'Normal',
  };
  words.throwProblems();
  return options;
}

function chooseUpdate(words: OptionWords): CopyOptions['update'] {
  const update = words.choice('update', { 'if-different': 'IfDifferent', always: 'Always' } as const);
  if (!words.flag('incremental')) return update ?? 'Always';
  if (update === 'Always') words.refuse('--incremental and --update always ask for opposite things; give one');
  return 'IfDifferent';
}

/** `--direct-io` and `--no-direct-io` are one option, true or false. */
function chooseCalls(words: OptionWords): Pick<CopyOptions, 'io' | 'directIo'> {
  const io = words.choice('io', { auto: 'Auto', posix: 'Posix', uring: 'IoUring', mmap: 'Mmap' } as const) ?? 'Auto';
  const directIo = words.flag('directIo') ? 'Always' : words.isNegated('directIo') ? 'Never' : 'Auto';
  if (io === 'Mmap' && directIo === 'Always') words.refuse('--direct-io goes past the page cache, which --io mmap needs; give one');
  return { io, directIo };
}

/** `--verify` alone reads back; `--digests` alone needs no more than the digest of what was read. */
function chooseIntegrity(words: OptionWords): Integrity {
  const algorithm = words.value('verify', parseAlgorithm);
  const level = words.choice('verifyLevel', { source: 'Source', readback: 'Readback' } as const);
  const digest = algorithm ?? 'XXH3';
  if (algorithm !== undefined || level !== undefined) return { digest, verify: level ?? 'Readback' };
  return words.value('digests', (file) => file) === undefined ? { verify: 'None' } : { digest, verify: 'Source' };
}

/** `--threads`, where 0 leaves the number to the program. */
function parseThreads(word: string): number {
  const count = /^\d+$/.test(word) ? Number(word) : Number.NaN;
  if (count <= maxThreadCount) return count;
  throw new InputError(`--threads takes a whole number from 0 (automatic) to ${maxThreadCount}, not '${showArgument(word)}'`);
}

const minBufferBytes = 4 * 1024;
const maxBufferBytes = 1024 ** 3;

function parseBufferSize(word: string): number {
  const bytes = parseSize(word);
  if (bytes !== undefined && bytes >= minBufferBytes && bytes <= maxBufferBytes) return bytes;
  throw new InputError(`--buffer-size takes 4K to 1G, such as 1M, not '${showArgument(word)}'`);
}

function parseRate(word: string): number {
  const bytesPerSecond = parseSize(word);
  if (bytesPerSecond === 0) throw new InputError('--bandwidth-limit 0 would let nothing move; leave it out for no limit');
  if (bytesPerSecond !== undefined) return bytesPerSecond;
  throw new InputError(`--bandwidth-limit takes bytes per second, such as 500K, 100M or 1G, not '${showArgument(word)}'`);
}

function parseAlgorithm(word: string): 'XXH3' | 'BLAKE3' {
  if (word === 'xxhash3' || word === 'xxh3') return 'XXH3';
  if (word === 'blake3') return 'BLAKE3';
  throw new InputError(`--verify takes xxhash3 or blake3, not '${showArgument(word)}'`);
}

function parseSparse(word: string): CopyOptions['sparse'] {
  if (word === 'auto') return 'Auto';
  if (word === 'always') return 'Always';
  if (word === 'never') return 'Never';
  throw new InputError(`--sparse takes auto, always or never, not '${showArgument(word)}'`);
}

function parseDigestsFile(file: string): Buffer {
  if (file === '-') throw new InputError('--digests takes a file; for one that is named - write ./-');
  return argumentBytes(file);
}
