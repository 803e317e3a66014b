import { preserveEverything } from '@smartcopy/native';
import type { Transfer } from './run-transfer.ts';

/** Bytes that one read or write of a large file moves where nobody says. */
export const defaultBufferBytes = 1024 ** 2;

/** What is kept where nobody says. */
export const defaultPreserve: Transfer['preserve'] = preserveEverything;

/** What is kept of a source by the word of a job, to whom holes are part of it; to the engine they are content. */
export function preserveOf(asked: (Transfer['preserve'] & Pick<Transfer, 'sparse'>) | undefined): Pick<Transfer, 'preserve' | 'sparse'> {
  if (asked === undefined) return { preserve: defaultPreserve, sparse: 'Auto' };
  const { sparse, ...preserve } = asked;
  return { preserve, sparse };
}

/** What may be made at a destination that is the user's own: anything. */
export const keepEverything = { keepSetuid: true, keepDevices: true, keepSecurityXattrs: true } as const;
