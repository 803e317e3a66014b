import { transferJobSpec } from '@smartcopy/crds';
import { z } from 'zod';
import type { Failure } from '../engine/run-transfer.ts';
import { defaultRetries, isMmapPastCache, maxBufferBytes, maxRetries, minBufferBytes } from '../engine/transfer-choices.ts';
import { InputError } from '../errors.ts';
import { maxThreadCount } from '../system/thread-count.ts';

const job = transferJobSpec.shape;
const engine = job.engine.unwrap().shape;
type Job = z.input<typeof transferJobSpec>;
type JobEngine = NonNullable<Job['engine']>;

/**
 * How to copy. Everything may be left out; what is absent is chosen by the storage of the two ends and this host. What has the name and
 * type of a field of a TransferJob means what it means there: docs/transfer-job.md.
 */
export interface CopySettings {
  /** Engine threads, 1 to 256. */
  readonly threadCount?: number;
  /** Bytes that one read or write of a large file moves: 4 KiB to 1 GiB. */
  readonly bufferBytes?: number;
  /** IfDifferent leaves a file alone whose size and modification time equal the source's. Default: Always. */
  readonly update?: Job['update'];
  /** Which entries are copied, by patterns and sizes (bytes, or text such as `10Mi`). Default: all. */
  readonly selection?: Job['selection'];
  /** In what order files begin. Default: Auto. */
  readonly ordering?: Job['ordering'];
  /** What becomes of symbolic links. Default: Preserve. */
  readonly symlinks?: Job['symlinks'];
  /** What becomes of a file when the destination has another by its name. Default: Overwrite. */
  readonly onConflict?: Job['onConflict'];
  /** Which files appear whole, under a temporary name first. Default: Replace. */
  readonly atomic?: Job['atomic'];
  /** What is kept beside the content, and of holes. Default: everything that can be. */
  readonly preserve?: Job['preserve'];
  /** By what calls bytes are moved. Default: Auto. */
  readonly io?: JobEngine['io'];
  /** Whether large files go past the page cache. Default: Auto. */
  readonly directIo?: JobEngine['directIo'];
  /** Computes a digest of every file; `Readback` (the default with an algorithm) and `Media` also read the copy back and compare. */
  readonly verify?: Job['verify'];
  /** An open file that receives a line for each copied file, as sha256sum writes it; needs `verify`. It stays open. */
  readonly digestsFd?: number;
  /** What "done" promises after a power failure. Default: None, as for cp. */
  readonly durability?: Job['durability'];
  /** How often a failure that may pass is tried again: 0 to 100. Default: 3. */
  readonly retries?: number;
  /** Writes nothing: the report has in `plannedBytes` what would be copied, its counters the files. */
  readonly dryRun?: boolean;
  /** Whether what is mounted below the source is left out. Default: false. */
  readonly oneFileSystem?: boolean;
  /** For all threads together. It can be changed while a copy runs. */
  readonly limitBytesPerSecond?: number;
  /** Whether mounts below the two ends are entered; else each is a failure. Default: true. */
  readonly crossMounts?: boolean;
  /** Auto (the default) keeps threads and buffers near the storage on machines of several memory nodes. */
  readonly numa?: JobEngine['numa'];
  /** Treats both ends as network storage, for networks that look like local disks. */
  readonly networkOptimized?: boolean;
  /** Ends the copy within milliseconds: finished files stay, unfinished ones are removed. */
  readonly signal?: AbortSignal;
  /** Receives each entry that was not copied, as it happens. */
  readonly onFailure?: (failure: Failure) => void;
}

const settingsSchema = z
  .strictObject({
    threadCount: z.int().min(1).max(maxThreadCount).optional(),
    bufferBytes: z.int().min(minBufferBytes).max(maxBufferBytes).optional(),
    update: job.update.unwrap().default('Always'),
    selection: job.selection,
    ordering: job.ordering,
    symlinks: job.symlinks,
    onConflict: job.onConflict,
    atomic: job.atomic,
    preserve: job.preserve,
    io: engine.io,
    directIo: engine.directIo,
    verify: job.verify,
    digestsFd: z.int().min(0).optional(),
    durability: job.durability.unwrap().default('None'),
    retries: z.int().min(0).max(maxRetries).default(defaultRetries),
    dryRun: z.boolean().default(false),
    oneFileSystem: z.boolean().default(false),
    limitBytesPerSecond: z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    crossMounts: z.boolean().default(true),
    numa: engine.numa,
    networkOptimized: z.boolean().default(false),
    signal: z.instanceof(AbortSignal).optional(),
    onFailure: z.custom<(failure: Failure) => void>((value) => typeof value === 'function', 'a function is expected').optional(),
  })
  .refine((calls) => !isMmapPastCache(calls), {
    path: ['directIo'],
    message: 'goes past the page cache, which io Mmap needs; give one',
  })
  .refine(({ digestsFd, verify, dryRun }) => digestsFd === undefined || dryRun || digests(verify), {
    path: ['digestsFd'],
    message: 'has nothing to receive without verify; give an algorithm',
  })
  .refine(({ digestsFd, verify, dryRun }) => !dryRun || (digestsFd === undefined && !digests(verify)), {
    path: ['dryRun'],
    message: 'copies nothing, so there is nothing for verify or digestsFd; leave them out',
  });

function digests(verify: z.output<typeof job.verify>): boolean {
  return verify !== undefined && verify.level !== 'None';
}

/** With the defaults filled in. */
export type CheckedSettings = z.infer<typeof settingsSchema>;

/** @throws InputError naming every setting that does not fit, and what it may be */
export function checkSettings(settings: CopySettings): CheckedSettings {
  const parsed = settingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  throw new InputError(`these settings cannot be used: ${sentences.join('; ')}`, { cause: parsed.error });
}
