import { lstatSync } from 'node:fs';

/** Whether an incremental run would leave the copy of a file alone: same type, size and modification time to the nanosecond. */
export function passesForFinished(copy: string, source: string): boolean {
  const present = lstatSync(copy, { bigint: true, throwIfNoEntry: false });
  const wanted = lstatSync(source, { bigint: true });
  return present?.isFile() === wanted.isFile() && present.size === wanted.size && present.mtimeNs === wanted.mtimeNs;
}
