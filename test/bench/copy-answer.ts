import { z } from 'zod';

/** What a copy of ours says of itself. */
export interface CopyAnswer {
  readonly filesDone: number;
  readonly bytesDone: number;
  /** Without what the file system shares and holes: neither is moving, and in no rate. */
  readonly bytesMoved: number;
  /** Without the start of the program. */
  readonly engineSeconds: number;
  /** Which ways the engine took, each with its bytes. */
  readonly way: string;
}

const document = z.object({
  progress: z.object({ filesDone: z.number(), bytesDone: z.number() }),
  durationSeconds: z.number(),
  engineUsed: z.record(z.string(), z.unknown()),
});

const unmoved: ReadonlySet<string> = new Set(['reflink', 'holes']);

/** Reads the document that `--json` prints; nothing for what another command said. Pure. */
export function readCopyAnswer(stdout: string): CopyAnswer | undefined {
  if (!stdout.startsWith('{')) return undefined;
  const said = z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
  if (!('progress' in said)) return undefined;
  const { progress, engineUsed, durationSeconds } = document.parse(said);
  const { filesDone, bytesDone } = progress;
  const used = Object.entries(engineUsed).filter((entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0);
  return {
    filesDone,
    bytesDone,
    bytesMoved: used.reduce((left, [way, bytes]) => (unmoved.has(way) ? left - bytes : left), bytesDone),
    engineSeconds: durationSeconds,
    way: used.map(([way, bytes]) => `${way} ${(bytes / 1e6).toFixed(0)} MB`).join(', '),
  };
}
