import { readableBytes, readableCount, readableNumber } from '@smartcopy/crds/progress';
import { escapePath, pathHex } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { lookAtHoles, type SparseFacts } from '../system/sparse-file.ts';
import { drawRows } from './analysis-table.ts';

/**
 * What `smartcopy analyze --sparse FILE` prints: what the file occupies and where its holes are.
 * @throws InputError when it is no regular file, or cannot be looked at
 */
export function analyzeSparse(path: Buffer, json: boolean): string {
  const facts = lookOrRefuse(path);
  if (!json) return `${escapePath(path)}\n${drawRows(rowsOf(facts))}`;
  const hex = pathHex(path);
  const place = { path: escapePath(path), ...(hex === undefined ? {} : { pathHex: hex }) };
  return `${JSON.stringify({ ...place, ...facts, allocatedRatio: allocatedRatio(facts) }, undefined, 2)}\n`;
}

function lookOrRefuse(path: Buffer): SparseFacts {
  let facts: SparseFacts | undefined;
  try {
    facts = lookAtHoles(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`the holes of ${escapePath(path)} cannot be looked at: ${why}`, { cause: error });
  }
  if (facts !== undefined) return facts;
  throw new InputError(`${escapePath(path)} is no regular file; only those have holes`);
}

/** 1 is a file without holes. Compressed files have less than their data. */
function allocatedRatio({ sizeBytes, allocatedBytes }: SparseFacts): number {
  return sizeBytes === 0 ? 1 : Math.min(1, allocatedBytes / sizeBytes);
}

function rowsOf(facts: SparseFacts): readonly (readonly [label: string, value: string])[] {
  const { sizeBytes, allocatedBytes, holeBytes, extentCount, holeCount } = facts;
  return [
    ['size', `${readableBytes(sizeBytes)} (${readableNumber(sizeBytes)} bytes)`],
    ['allocated', `${readableBytes(allocatedBytes)}, ${(allocatedRatio(facts) * 100).toFixed(1)}% of its size`],
    ['data', `${readableBytes(sizeBytes - holeBytes)} in ${readableCount(extentCount, 'extent')}`],
    ['holes', holeCount === 0 ? 'none' : `${readableBytes(holeBytes)} in ${readableCount(holeCount, 'hole')}`],
  ];
}
