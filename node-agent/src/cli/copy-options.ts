import { z } from 'zod';
import { maxThreadCount } from '../system/thread-count.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import { parseOptions } from './parse-options.ts';
import { parseSize } from './sizes.ts';

const minBufferBytes = 4 * 1024;
const maxBufferBytes = 1024 ** 3;

/** `--threads`, where 0 leaves the number to the program. */
const threadsOption = z.string().transform((text, context) => {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count <= maxThreadCount) return count;
  return refuse(context, `--threads takes a whole number from 0 (automatic) to ${maxThreadCount}, not '${showArgument(text)}'`);
});

const bufferOption = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= minBufferBytes && bytes <= maxBufferBytes) return bytes;
  return refuse(context, `--buffer-size takes 4K to 1G, such as 1M, not '${showArgument(text)}'`);
});

const rateOption = z.string().transform((text, context) => {
  const bytesPerSecond = parseSize(text);
  if (bytesPerSecond === 0) return refuse(context, '--bandwidth-limit 0 would let nothing move; leave it out for no limit');
  if (bytesPerSecond !== undefined) return bytesPerSecond;
  return refuse(context, `--bandwidth-limit takes bytes per second, such as 500K, 100M or 1G, not '${showArgument(text)}'`);
});

const verifyOption = z.string().transform((word, context) => {
  if (word === 'xxhash3' || word === 'xxh3') return 'XXH3';
  if (word === 'blake3') return 'BLAKE3';
  return refuse(context, `--verify takes xxhash3 or blake3, not '${showArgument(word)}'`);
});

const digestsOption = z.string().transform((file, context) => {
  if (file === '-') return refuse(context, '--digests takes a file; for one that is named - write ./-');
  return argumentBytes(file);
});

const words = z.object({
  threads: threadsOption,
  bufferSize: bufferOption,
  verify: verifyOption.optional(),
  verifyLevel: z.enum(['source', 'readback']).optional(),
  digests: digestsOption.optional(),
  update: z.enum(['if-different', 'always']).optional(),
  incremental: z.boolean().default(false),
  durability: z.enum(['none', 'batch', 'file']),
  bandwidthLimit: rateOption.optional(),
  progress: z.boolean().default(false),
  verbose: z.boolean().default(false),
  quiet: z.boolean().default(false),
  json: z.boolean().default(false),
});

const durabilities = { none: 'None', batch: 'Batch', file: 'File' } as const;

const copyOptionsSchema = words.transform((given, context) => {
  if (given.incremental && given.update === 'always')
    return refuse(context, '--incremental and --update always ask for opposite things; give one');
  const wantsVerify = given.verify !== undefined || given.verifyLevel !== undefined;
  return {
    /** 0 means automatic. */
    threadCount: given.threads,
    bufferBytes: given.bufferSize,
    update: given.incremental || given.update === 'if-different' ? ('IfDifferent' as const) : ('Always' as const),
    durability: durabilities[given.durability],
    integrity: chooseIntegrity(wantsVerify, given),
    digestsFile: given.digests,
    limitBytesPerSecond: given.bandwidthLimit,
    progress: given.progress,
    json: given.json,
    verbosity: given.quiet ? ('Quiet' as const) : given.verbose ? ('Verbose' as const) : ('Normal' as const),
  };
});

/** The options of a copy, checked and combined. */
export type CopyOptions = z.infer<typeof copyOptionsSchema>;

/** @throws InputError with one sentence for each option that does not fit */
export function parseCopyOptions(options: unknown): CopyOptions {
  return parseOptions(copyOptionsSchema, options);
}

interface Integrity {
  readonly digest?: 'XXH3' | 'BLAKE3';
  readonly verify: 'None' | 'Source' | 'Readback';
}

/** `--verify` alone reads back; `--digests` alone needs no more than the digest of what was read. */
function chooseIntegrity(wantsVerify: boolean, given: z.infer<typeof words>): Integrity {
  const digest = given.verify ?? 'XXH3';
  if (wantsVerify) return { digest, verify: given.verifyLevel === 'source' ? 'Source' : 'Readback' };
  return given.digests === undefined ? { verify: 'None' } : { digest, verify: 'Source' };
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
