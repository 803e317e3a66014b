import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { escapePath } from '../engine/escape-path.ts';
import type { TransferReport } from '../engine/run-transfer.ts';
import { errorCode, InputError } from '../errors.ts';
import { refuseDigestsPlace, refuseOpenedDigests, type Untouchable } from './digests-place.ts';
import type { Interruption } from './interruption.ts';

/** The file that `--digests` names, open for the engine to write to. */
export interface DigestsFile {
  readonly fd: number;
  /** Closes it, and adds to the report what that says of lines that were lost: some file systems tell only then. */
  close(report: TransferReport): TransferReport;
}

/**
 * Opens the file, made if it is missing, and empties it.
 * @throws InputError when it cannot be opened, or is or lies in what is read, copied or replaced; then nothing that was there is touched
 */
export async function openDigestsFile(file: Buffer, untouchable: Untouchable, { useFile }: Interruption): Promise<DigestsFile> {
  refuseDigestsPlace(file, untouchable);
  const fd = await useFile(file, () => openOrRefuse(file));
  try {
    refuseOpenedDigests(fd, file, untouchable);
    if (fstatSync(fd).isFile()) ftruncateSync(fd); // A pipe (`>(sort)`) has nothing to empty.
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, close: (report) => closeInto(report, fd) };
}

function openOrRefuse(file: Buffer): number {
  try {
    return openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o644);
  } catch (error) {
    throw new InputError(`--digests ${escapePath(file)} cannot be written: ${errorCode(error)}`, { cause: error });
  }
}

function closeInto(report: TransferReport, fd: number): TransferReport {
  const lost = closeDigests(fd);
  return lost === undefined ? report : { ...report, phase: 'Failed', digestsError: lost };
}

/** Closes the file; what the system says of lines that were lost. */
export function closeDigests(fd: number): TransferReport['digestsError'] {
  try {
    closeSync(fd);
    return undefined;
  } catch (error) {
    return { errno: errorCode(error), syscall: 'close' };
  }
}
