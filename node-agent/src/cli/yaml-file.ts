import { readFileSync, statSync } from 'node:fs';
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';

/** One document of a YAML file, and where in the file its parts stand. */
export interface YamlDocument {
  readonly value: unknown;
  /** `file:line` of what is at that path, or of the nearest thing around it that is there. */
  locate(path: readonly PropertyKey[]): string;
}

/** Files of jobs are written by people: more than this is some other file. */
const maxFileBytes = 4 * 1024 ** 2;

/** What is no YAML at all has a mistake at every character. */
const maxMistakes = 10;

/**
 * Reads all documents of a YAML file that are not empty.
 * @param file raw bytes of its path
 * @throws InputError when it cannot be read, or is no YAML: the first mistakes with their lines
 */
export function readYamlFile(file: Buffer): readonly YamlDocument[] {
  const name = escapePath(file);
  const lines = new LineCounter();
  // Its warnings would go to stderr by themselves; what they warn of, such as a key that is a list, is refused as a field behind this.
  const documents = parseAllDocuments(readText(file), { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const mistakes = documents.flatMap((document) => document.errors);
  if (mistakes.length > 0) {
    const sentences = mistakes.slice(0, maxMistakes).map(({ pos, message }) => `${name}:${lines.linePos(pos[0]).line}: ${message}`);
    const rest = mistakes.length > maxMistakes ? `; and ${mistakes.length - maxMistakes} more mistakes` : '';
    throw new InputError(`no valid YAML: ${sentences.join('; ')}${rest}`);
  }
  return documents
    .map((document) => ({
      value: toValue(document, name),
      locate: (path: readonly PropertyKey[]) => `${name}:${lines.linePos(offsetOf(document, path)).line}`,
    }))
    .filter(({ value }) => value !== null); // Such as what follows a last `---`.
}

function readText(file: Buffer): string {
  try {
    if (statSync(file).size > maxFileBytes)
      throw new InputError(`${escapePath(file)} is larger than 4 MiB, so it is no file of TransferJobs`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) throw new InputError(`${escapePath(file)} is not UTF-8, as YAML must be`, { cause: error });
    if (error instanceof InputError || !(error instanceof Error) || !('code' in error)) throw error;
    throw new InputError(`${escapePath(file)} cannot be read: ${error.code}`, { cause: error });
  }
}

function toValue(document: Document.Parsed, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that unfold without end, a merge of what is no map.
    throw new InputError(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
