import type { DigestAlgorithm, VerifyLevel } from '@smartcopy/crds';
import { defaultPreserve } from '../engine/defaults.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { isMmapPastCache, maxBufferBytes, minBufferBytes } from '../engine/transfer-choices.ts';
import { InputError } from '../errors.ts';
import type { AskedOfEngine } from '../system/engine-plan.ts';
import { maxThreadCount } from '../system/thread-count.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import { type Choices, type PathsFile, readChoices, readPathsFile } from './choice-options.ts';
import { digestCalled, digestList } from './digest-words.ts';
import { OptionWords } from './option-words.ts';
import { parseSize } from './sizes.ts';

/** The options of a copy, checked and combined. */
export interface CopyOptions {
  /** What of it is absent, the plan chooses. */
  readonly engine: AskedOfEngine;
  readonly update: 'IfDifferent' | 'Always';
  readonly durability: 'None' | 'Batch' | 'File';
  /** Which entries, in what order, and what becomes of those that are there. */
  readonly choices: Choices;
  readonly filesFrom: PathsFile | undefined;
  readonly io: 'Auto' | 'Posix' | 'IoUring' | 'Mmap';
  readonly directIo: 'Auto' | 'Always' | 'Never';
  readonly sparse: 'Auto' | 'Always' | 'Never';
  readonly integrity: Integrity;
  readonly digestsFile: Buffer | undefined;
  readonly limitBytesPerSecond: number | undefined;
  readonly preserve: Transfer['preserve'];
  readonly progress: boolean;
  readonly json: boolean;
  readonly verbosity: 'Quiet' | 'Normal' | 'Verbose';
}

interface Integrity {
  readonly digest?: DigestAlgorithm;
  readonly verify: VerifyLevel;
}

/**
 * @param given what commander found on the command line
 * @throws InputError with one sentence for each option that does not fit
 */
export function parseCopyOptions(given: object): CopyOptions {
  const words = new OptionWords(given);
  const options: CopyOptions = {
    engine: chooseEngine(words),
    update: chooseUpdate(words),
    durability: words.choice('durability', { none: 'None', batch: 'Batch', file: 'File' } as const) ?? 'None',
    choices: readChoices(words),
    filesFrom: readPathsFile(words),
    ...chooseCalls(words),
    sparse: words.value('sparse', parseSparse) ?? 'Auto',
    integrity: chooseIntegrity(words),
    digestsFile: words.value('digests', parseDigestsFile),
    limitBytesPerSecond: words.value('bandwidthLimit', parseRate),
    preserve: choosePreserve(words),
    progress: words.flag('progress'),
    json: words.flag('json'),
    verbosity: words.flag('quiet') ? 'Quiet' : words.flag('verbose') ? 'Verbose' : 'Normal',
  };
  words.throwProblems();
  return options;
}

function chooseEngine(words: OptionWords): AskedOfEngine {
  const threadCount = words.value('threads', parseThreads) ?? 0;
  const bufferBytes = words.value('bufferSize', parseBufferSize);
  return {
    ...(threadCount === 0 ? {} : { threadCount }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
    numa: words.choice('numa', { auto: 'Auto', off: 'Off' } as const) ?? 'Auto',
    networkOptimized: words.flag('networkOptimized'),
  };
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
  if (isMmapPastCache({ io, directIo })) words.refuse('--direct-io goes past the page cache, which --io mmap needs; give one');
  return { io, directIo };
}

/** `--verify` alone reads back; `--digests` alone needs no more than the digest of what was read. */
function chooseIntegrity(words: OptionWords): Integrity {
  const algorithm = words.value('verify', parseAlgorithm);
  const level = words.choice('verifyLevel', { source: 'Source', readback: 'Readback', media: 'Media' } as const);
  const digest = algorithm ?? 'XXH3';
  if (algorithm !== undefined || level !== undefined) return { digest, verify: level ?? 'Readback' };
  return words.value('digests', (file) => file) === undefined ? { verify: 'None' } : { digest, verify: 'Source' };
}

/** The words of `--no-preserve`, and what each leaves out. */
const preserveWords = new Map<string, 'owner' | 'mode' | 'times' | 'xattrs' | 'acls' | 'hardlinks' | 'specialFiles'>([
  ['owner', 'owner'],
  ['mode', 'mode'],
  ['times', 'times'],
  ['xattrs', 'xattrs'],
  ['acls', 'acls'],
  ['hardlinks', 'hardlinks'],
  ['special-files', 'specialFiles'],
]);

/** Of `--no-preserve` commander takes the `no-` for a negation: its list is the word of the option `preserve`. */
function choosePreserve(words: OptionWords): Transfer['preserve'] {
  const left = words.value('preserve', parsePreserveWords) ?? [];
  for (const [flag, word, option] of [
    ['preserveAcl', 'acls', '--preserve-acl'],
    ['preserveOwner', 'owner', '--preserve-owner'],
  ] as const) {
    if (words.flag(flag) && left.includes(word)) words.refuse(`${option} and --no-preserve ${word} ask for opposite things; give one`);
  }
  return { ...defaultPreserve, ...Object.fromEntries(left.map((word) => [word, false])), strict: words.flag('preserveStrict') };
}

function parsePreserveWords(list: string) {
  return list.split(',').map((word) => {
    const left = preserveWords.get(word);
    if (left !== undefined) return left;
    const known = [...preserveWords.keys()].join(', ');
    throw new InputError(`--no-preserve takes a list of ${known}, separated by commas, not '${showArgument(word)}'`);
  });
}

/** `--threads`, where 0 leaves the number to the program. */
export function parseThreads(word: string): number {
  const count = /^\d+$/.test(word) ? Number(word) : Number.NaN;
  if (count <= maxThreadCount) return count;
  throw new InputError(`--threads takes a whole number from 0 (automatic) to ${maxThreadCount}, not '${showArgument(word)}'`);
}

function parseBufferSize(word: string): number {
  const bytes = parseSize(word);
  if (bytes !== undefined && bytes >= minBufferBytes && bytes <= maxBufferBytes) return bytes;
  throw new InputError(`--buffer-size takes 4K to 1G, such as 1M, not '${showArgument(word)}'`);
}

function parseRate(word: string): number {
  const bytesPerSecond = parseSize(word);
  if (bytesPerSecond === 0 && /[1-9]/.test(word)) {
    throw new InputError(`--bandwidth-limit ${showArgument(word)} is less than one byte per second; give at least 1`);
  }
  if (bytesPerSecond === 0) throw new InputError('--bandwidth-limit 0 would let nothing move; leave it out for no limit');
  if (bytesPerSecond !== undefined) return bytesPerSecond;
  throw new InputError(`--bandwidth-limit takes bytes per second, such as 500K, 100M or 1G, not '${showArgument(word)}'`);
}

function parseAlgorithm(word: string): DigestAlgorithm {
  const algorithm = digestCalled(word);
  if (algorithm !== undefined) return algorithm;
  throw new InputError(`--verify takes ${digestList}, not '${showArgument(word)}'`);
}

function parseSparse(word: string): CopyOptions['sparse'] {
  if (word === 'auto') return 'Auto';
  if (word === 'always') return 'Always';
  if (word === 'never') return 'Never';
  throw new InputError(`--sparse takes auto, always or never, not '${showArgument(word)}'`);
}

export function parseDigestsFile(file: string): Buffer {
  if (file === '-') throw new InputError('--digests takes a file; for one that is named - write ./-');
  return argumentBytes(file);
}
