import { InputError } from '../errors.ts';

/**
 * The words that commander found for a command's options, made values of one after the other. All that do not fit are named at
 * once. By hand and not by a schema of zod, because a copy is started by it and loading zod takes longer than the rest of the start.
 */
export class OptionWords {
  readonly #given: ReadonlyMap<string, unknown>;
  readonly #problems: string[] = [];

  /** @param given what `Command.opts()` answers */
  constructor(given: object) {
    this.#given = new Map(Object.entries(given));
  }

  flag(name: string): boolean {
    return this.#given.get(name) === true;
  }

  /** Whether it was given in its negative form, `--no-...`. */
  isNegated(name: string): boolean {
    return this.#given.get(name) === false;
  }

  /**
   * @param parse makes a value of the option's word, or throws InputError with a sentence
   * @returns `undefined` when the option was not given, or does not fit
   */
  value<T>(name: string, parse: (word: string) => T): T | undefined {
    const word = this.#given.get(name);
    if (typeof word !== 'string') return undefined;
    try {
      return parse(word);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.refuse(error.message);
      return undefined;
    }
  }

  has(name: string): boolean {
    return this.#given.get(name) !== undefined;
  }

  /** Of an option that may be repeated; those words that do not fit are left out. */
  values<T>(name: string, parse: (word: string) => T): readonly T[] {
    const given: unknown = this.#given.get(name);
    const values: T[] = [];
    for (const word of Array.isArray(given) ? given.map(String) : []) {
      try {
        values.push(parse(word));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.refuse(error.message);
      }
    }
    return values;
  }

  /** @param meanings of each word that commander lets through */
  choice<T>(name: string, meanings: Readonly<Record<string, T>>): T | undefined {
    return this.value(name, (word) => meanings[word]);
  }

  /** Notes what does not fit, such as two options that ask for opposite things. */
  refuse(sentence: string): void {
    this.#problems.push(sentence);
  }

  /** @throws InputError with every sentence, if there is one */
  throwProblems(): void {
    if (this.#problems.length > 0) throw new InputError(this.#problems.join('; '));
  }
}
