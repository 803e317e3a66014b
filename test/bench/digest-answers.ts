import { z } from 'zod';
import type { Tree } from './trees.ts';

type Size = Pick<Tree, 'fileCount' | 'bytes'>;

const verification = z.object({ equal: z.boolean(), bytesRead: z.number() });

/** What is wrong with our answer about a tree and a copy that is as it is. Pure. */
export function wrongVerification(stdout: string, { bytes }: Size): string | undefined {
  const answer = verification.safeParse(parseJson(stdout));
  if (!answer.success) return 'it gave no answer';
  const { equal, bytesRead } = answer.data;
  if (!equal) return 'it found a copy different that is equal';
  return bytesRead === 2 * bytes ? undefined : `it read ${bytesRead} bytes of two trees with ${bytes} each`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Which is no answer either.
  }
}

/** `HEX  path`, as most write it, or `NAME(path)= HEX`. */
const digestLine = /^(?:\\?([0-9a-f]{32,}) [ *].+|[A-Z0-9-]+\(.+\)= ([0-9a-f]{32,}))$/;

/** What is wrong with a program's digests of the files of a tree and a copy that is as it is. Pure. */
export function wrongDigests(stdout: string, { fileCount }: Size): string | undefined {
  const lines = stdout.split('\n').filter((line) => line !== '');
  const digests = lines.flatMap((line) => {
    const [, first, last] = digestLine.exec(line) ?? [];
    return first ?? last ?? [];
  });
  if (digests.length !== 2 * fileCount) return `it gave ${digests.length} digests of twice ${fileCount} files`;
  const counts = Map.groupBy(digests, (digest) => digest).values();
  return counts.every(({ length }) => length % 2 === 0) ? undefined : 'its digests of equal files differ';
}
