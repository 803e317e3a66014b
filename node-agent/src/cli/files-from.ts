import { closeSync, constants, openSync } from 'node:fs';
import { escapePath } from '../engine/escape-path.ts';
import { errorCode, InputError } from '../errors.ts';
import type { Interruption } from './interruption.ts';

/** The list that `--files-from` names, open for the engine to read. */
export interface FilesFrom extends Disposable {
  readonly fd: number;
}

const standardInput = 0;

/** @throws InputError when it cannot be opened */
export async function openFilesFrom(file: Buffer, { useFile }: Interruption): Promise<FilesFrom> {
  if (file.toString('latin1') === '-') return { fd: standardInput, [Symbol.dispose]: () => undefined };
  const fd = await useFile(file, () => openOrRefuse(file));
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function openOrRefuse(file: Buffer): number {
  try {
    return openSync(file, constants.O_RDONLY);
  } catch (error) {
    throw new InputError(`--files-from ${escapePath(file)} cannot be read: ${errorCode(error)}`, { cause: error });
  }
}
