import type { DigestAlgorithm } from '@smartcopy/crds';
import { type DifferenceKind, differenceKinds } from '../engine/run-comparison.ts';
import { InputError } from '../errors.ts';
import { showArgument } from './arguments.ts';
import { parseDigestsFile, parseThreads } from './copy-options.ts';
import { digestCalled, digestList } from './digest-words.ts';
import { OptionWords } from './option-words.ts';

/** The options of a comparison, checked. */
export interface VerifyOptions {
  readonly algorithm: DigestAlgorithm;
  readonly ignore: readonly DifferenceKind[];
  readonly digestsFile: Buffer | undefined;
  /** 0 means automatic. */
  readonly threadCount: number;
  readonly quiet: boolean;
  readonly json: boolean;
}

/**
 * @param given what commander found on the command line
 * @throws InputError with one sentence for each option that does not fit
 */
export function parseVerifyOptions(given: object): VerifyOptions {
  const words = new OptionWords(given);
  const options: VerifyOptions = {
    algorithm: words.value('algorithm', parseAlgorithm) ?? 'XXH3',
    ignore: words.value('ignore', parseKinds) ?? [],
    digestsFile: words.value('digests', parseDigestsFile),
    threadCount: words.value('threads', parseThreads) ?? 0,
    quiet: words.flag('quiet'),
    json: words.flag('json'),
  };
  words.throwProblems();
  return options;
}

function parseAlgorithm(word: string): DigestAlgorithm {
  const algorithm = digestCalled(word);
  if (algorithm !== undefined) return algorithm;
  throw new InputError(`--algorithm takes ${digestList}, not '${showArgument(word)}'`);
}

function parseKinds(list: string): readonly DifferenceKind[] {
  return [...new Set(list.split(',').map(parseKind))];
}

function parseKind(word: string): DifferenceKind {
  const kind = differenceKinds.find((known) => known === word);
  if (kind !== undefined) return kind;
  throw new InputError(`--ignore takes a list of ${differenceKinds.join(', ')}, not '${showArgument(word)}'`);
}
