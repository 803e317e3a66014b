import { escapePath } from '../engine/escape-path.ts';
import { describeReason } from '../engine/failure-sentences.ts';
import type { Failure } from '../engine/run-transfer.ts';
import type { Places } from './places.ts';

/** One failure or refusal as one line: which file, what happened, and the system call that said so. */
export function describeFailure(
  { reason, side, path, errno, syscall, offsetBytes }: Failure,
  places: Places,
  sentence: string = describeReason(reason),
): string {
  const place = side === 'source' ? places.source : places.destination;
  const where = places.areFiles ? escapePath(place) : showPlace(place, path);
  const offset = offsetBytes === undefined ? '' : ` at byte ${offsetBytes}`;
  const call = [syscall, errno].filter((part) => part !== undefined).join(': ');
  return `${where}: ${sentence}${call === '' ? offset : ` (${call}${offset})`}`;
}

function showPlace(place: Uint8Array, path: Uint8Array): string {
  const base = escapePath(place);
  if (path.length === 0) return base;
  return base.endsWith('/') ? `${base}${escapePath(path)}` : `${base}/${escapePath(path)}`;
}
