import { lstatSync } from 'node:fs';
import { joinPath } from '../engine/byte-paths.ts';
import type { Transfer } from '../engine/run-transfer.ts';

/** The names by which a person knows the two ends. */
export interface Places {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** They are a file and its copy, so that every failure is of the two themselves. */
  readonly areFiles: boolean;
}

/** The two ends as real paths: what a person at this host can look at. */
export function placesOf({ source, destination }: Pick<Transfer, 'source' | 'destination'>): Places {
  const place = ({ root, path }: Transfer['source']): Buffer =>
    path.length === 0 ? Buffer.from(root) : joinPath(Buffer.from(root), Buffer.from(path));
  const from = place(source);
  return { source: from, destination: place(destination), areFiles: lstatSync(from, { throwIfNoEntry: false })?.isDirectory() !== true };
}
