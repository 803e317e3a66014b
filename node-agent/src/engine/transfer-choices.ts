import type { Atomic, OnConflict, Ordering, Selection, Symlinks } from '@smartcopy/crds';
import type { Transfer } from './run-transfer.ts';

/** What a job and an assignment say alike of which entries are copied, and how. */
interface Asked {
  readonly selection?: Selection | undefined;
  readonly ordering?: Ordering | undefined;
  readonly symlinks?: Symlinks | undefined;
  readonly onConflict?: OnConflict | undefined;
  readonly atomic?: Atomic | undefined;
}

type Choices = Required<
  Pick<Transfer, 'selection' | 'ordering' | 'symlinks' | 'onConflict' | 'atomic' | 'dryRun' | 'oneFileSystem' | 'retries'>
>;

/** With the pauses between them (0.1 s, 0.5 s and 2.5 s) they outlast what passes quickly, and a copy that fails ends soon. */
export const defaultRetries = 3;
/** Pauses grow to 30 s, so these last for most of an hour: what has not passed by then is nothing that passes. */
export const maxRetries = 100;

/** What one read or write of a large file may move. The least is a page; the most keeps the buffers of a few threads within memory. */
export const minBufferBytes = 4 * 1024;
export const maxBufferBytes = 1024 ** 3;

/** Whether two choices cannot go together: what is mapped is in the page cache. Pure. */
export function isMmapPastCache({ io, directIo }: Pick<Transfer, 'io' | 'directIo'>): boolean {
  return io === 'Mmap' && directIo === 'Always';
}

/** The choices of a job, as the engine takes them. */
export function choicesOf(asked: Asked): Choices {
  const { selection, ordering = 'Auto', symlinks = 'Preserve', onConflict = 'Overwrite', atomic = 'Replace' } = asked;
  return {
    selection: {
      include: patternBytes(selection?.include),
      exclude: patternBytes(selection?.exclude),
      ...(selection?.minSize === undefined ? {} : { minBytes: selection.minSize }),
      ...(selection?.maxSize === undefined ? {} : { maxBytes: selection.maxSize }),
    },
    ordering,
    symlinks,
    onConflict,
    atomic,
    dryRun: false,
    oneFileSystem: false, // A mount point in a job is a failure by name, or crossed where the policy says so.
    retries: defaultRetries,
  };
}

function patternBytes(patterns: readonly string[] = []): readonly Buffer[] {
  return patterns.map((pattern) => Buffer.from(pattern));
}
