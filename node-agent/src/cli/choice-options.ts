import { checkGlob } from '@smartcopy/native';
import type { Transfer } from '../engine/run-transfer.ts';
import { maxRetries } from '../engine/transfer-choices.ts';
import { InputError } from '../errors.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import type { OptionWords } from './option-words.ts';
import { parseSize } from './sizes.ts';

// The options that say which entries are copied, in what order, and what becomes of those that are there already.

/** Those of them that the engine takes as they are. */
export type Choices = Required<
  Pick<Transfer, 'selection' | 'ordering' | 'symlinks' | 'onConflict' | 'atomic' | 'dryRun' | 'oneFileSystem' | 'retries'>
>;

/** The list that `--files-from` names. */
export interface PathsFile {
  readonly file: Buffer;
  readonly isNulSeparated: boolean;
}

const orderings = { auto: 'Auto', 'smallest-first': 'SmallestFirst', 'largest-first': 'LargestFirst', path: 'Path' } as const;
const symlinkModes = { preserve: 'Preserve', skip: 'Skip', follow: 'FollowWithinRoot' } as const;
const conflictModes = { overwrite: 'Overwrite', skip: 'Skip', fail: 'Fail' } as const;
const atomicModes = { replace: 'Replace', always: 'Always' } as const;

export function readChoices(words: OptionWords): Choices {
  const dryRun = words.flag('dryRun');
  if (dryRun && (words.has('verify') || words.has('verifyLevel') || words.has('digests'))) {
    words.refuse('--dry-run copies nothing, so there is nothing for --verify or --digests; leave them out');
  }
  return {
    selection: readSelection(words),
    ordering: words.choice('ordering', orderings) ?? 'Auto',
    symlinks: words.choice('symlinks', symlinkModes) ?? 'Preserve',
    onConflict: words.choice('onConflict', conflictModes) ?? 'Overwrite',
    atomic: words.choice('atomic', atomicModes) ?? 'Replace',
    dryRun,
    oneFileSystem: words.flag('oneFileSystem'),
    retries: words.value('retries', parseRetries) ?? 0,
  };
}

export function readPathsFile(words: OptionWords): PathsFile | undefined {
  const file = words.value('filesFrom', argumentBytes);
  const isNulSeparated = words.flag('from0');
  if (file === undefined && isNulSeparated) words.refuse('--from0 says how --files-from FILE is written; give that too');
  return file === undefined ? undefined : { file, isNulSeparated };
}

function readSelection(words: OptionWords): Choices['selection'] {
  const minBytes = words.value('minSize', (word) => parseBound('--min-size', word));
  const maxBytes = words.value('maxSize', (word) => parseBound('--max-size', word));
  if (minBytes !== undefined && maxBytes !== undefined && minBytes > maxBytes) {
    words.refuse('--max-size is below --min-size, so no file would be copied');
  }
  return {
    include: words.values('include', parseInclude),
    exclude: words.values('exclude', (word) => parsePattern('--exclude', word)),
    ...(minBytes === undefined ? {} : { minBytes }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

function parseInclude(word: string): Buffer {
  const pattern = parsePattern('--include', word);
  if (!word.endsWith('/')) return pattern;
  const shown = showArgument(word);
  throw new InputError(
    `--include: the pattern '${shown}' means directories, and an include names files; write '${shown}**' for all below it`,
  );
}

function parsePattern(option: string, word: string): Buffer {
  const pattern = argumentBytes(word);
  const wrong = checkGlob(pattern);
  if (wrong === undefined) return pattern;
  throw new InputError(`${option}: the pattern '${showArgument(word)}' ${wrong}`);
}

function parseBound(option: string, word: string): number {
  const bytes = parseSize(word);
  if (bytes !== undefined) return bytes;
  throw new InputError(`${option} takes a size, such as 500K, 100M or 1G, not '${showArgument(word)}'`);
}

function parseRetries(word: string): number {
  const count = /^\d+$/.test(word) ? Number(word) : Number.NaN;
  if (count <= maxRetries) return count;
  throw new InputError(`--retries takes a whole number from 0 to ${maxRetries}, not '${showArgument(word)}'`);
}
