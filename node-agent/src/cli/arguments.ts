import { readFileSync } from 'node:fs';
import { escapePath } from '../engine/escape-path.ts';
import { digestWords } from './digest-words.ts';

/**
 * The command line after the program's name, one character for each byte (latin1). A path need not be UTF-8, and process.argv has
 * already replaced what is not; the kernel keeps the bytes. Options are ASCII and read the same either way.
 */
export function readArguments(): readonly string[] {
  const count = process.argv.length - 2;
  try {
    const all = readFileSync('/proc/self/cmdline').toString('latin1').split('\0').slice(0, -1);
    return count === 0 ? [] : all.slice(-count);
  } catch {
    // Without /proc (a bare chroot) only names in UTF-8 can be given.
    return process.argv.slice(2).map((argument) => Buffer.from(argument).toString('latin1'));
  }
}

/** The bytes of an argument, as the system calls want them. */
export function argumentBytes(argument: string): Buffer {
  return Buffer.from(argument, 'latin1');
}

/** The argument as a person may see it. */
export function showArgument(argument: string): string {
  return escapePath(argumentBytes(argument));
}

/** Options whose value may be left out: the words each takes, and the one that it means alone. */
const optionalWords = new Map([
  ['--verify', { words: Object.keys(digestWords), alone: 'xxhash3' }],
  ['--sparse', { words: ['auto', 'always', 'never'], alone: 'auto' }],
]);

/**
 * Settles the options whose value may be left out. Each takes the next argument only when that is one of its words, so that
 * `smartcopy --verify SRC DST` verifies with the default and copies SRC.
 */
export function settleOptionalValues(given: readonly string[]): readonly string[] {
  const settled: string[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const argument = given[index] ?? '';
    if (argument === '--') return [...settled, ...given.slice(index)];
    const next = given[index + 1] ?? '';
    const option = optionalWords.get(argument);
    if (option === undefined) settled.push(argument);
    else if (!option.words.includes(next)) settled.push(`${argument}=${option.alone}`);
    else {
      settled.push(`${argument}=${next}`);
      index += 1;
    }
  }
  return settled;
}
