import { z } from 'zod';
import type { Failure } from '../engine/run-transfer.ts';
import { InputError } from '../errors.ts';

/** How to copy. Everything may be left out; what is absent is chosen by the storage of the two ends and this host. */
export interface CopySettings {
  /** Engine threads, 1 to 256. */
  readonly threadCount?: number;
  /** Bytes that one read or write of a large file moves: 4 KiB to 1 GiB. */
  readonly bufferBytes?: number;
  /** IfDifferent leaves a file alone whose size and modification time equal the source's. Default: Always. */
  readonly update?: 'IfDifferent' | 'Always';
  /** Computes a digest of every file; `Readback` (the default with an algorithm) also reads the copy back and compares. */
  readonly verify?: { readonly algorithm: 'XXH3' | 'BLAKE3'; readonly level?: 'Source' | 'Readback' };
  /** What "done" promises after a power failure. Default: None, as for cp. */
  readonly durability?: 'None' | 'Batch' | 'File';
  /** For all threads together. It can be changed while a copy runs. */
  readonly limitBytesPerSecond?: number;
  /** Whether mounts below the two ends are entered. Default: true. */
  readonly crossMounts?: boolean;
  /** Auto (the default) keeps threads and buffers near the storage on machines of several memory nodes. */
  readonly numa?: 'Auto' | 'Off';
  /** Treats both ends as network storage, for networks that look like local disks. */
  readonly networkOptimized?: boolean;
  /** Ends the copy within milliseconds: finished files stay, unfinished ones are removed. */
  readonly signal?: AbortSignal;
  /** Receives each entry that was not copied, as it happens. */
  readonly onFailure?: (failure: Failure) => void;
}

const settingsSchema = z.strictObject({
  threadCount: z.int().min(1).max(256).optional(),
  bufferBytes: z
    .int()
    .min(4096)
    .max(1024 ** 3)
    .optional(),
  update: z.enum(['IfDifferent', 'Always']).default('Always'),
  verify: z.strictObject({ algorithm: z.enum(['XXH3', 'BLAKE3']), level: z.enum(['Source', 'Readback']).default('Readback') }).optional(),
  durability: z.enum(['None', 'Batch', 'File']).default('None'),
  limitBytesPerSecond: z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  crossMounts: z.boolean().default(true),
  numa: z.enum(['Auto', 'Off']).default('Auto'),
  networkOptimized: z.boolean().default(false),
  signal: z.instanceof(AbortSignal).optional(),
  onFailure: z.custom<(failure: Failure) => void>((value) => typeof value === 'function', 'a function is expected').optional(),
});

/** With the defaults filled in. */
export type CheckedSettings = z.infer<typeof settingsSchema>;

/** @throws InputError naming every setting that does not fit, and what it may be */
export function checkSettings(settings: CopySettings): CheckedSettings {
  const parsed = settingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  throw new InputError(`these settings cannot be used: ${sentences.join('; ')}`, { cause: parsed.error });
}
