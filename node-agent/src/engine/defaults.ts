import type { Transfer } from './run-transfer.ts';

/** Bytes that one read or write of a large file moves where nobody says. */
export const defaultBufferBytes = 1024 ** 2;

/** What is kept where nobody says: everything that can be. */
export const defaultPreserve: Transfer['preserve'] = {
  owner: true,
  mode: true,
  times: true,
  xattrs: true,
  acls: true,
  hardlinks: true,
  specialFiles: true,
  strict: false,
};

/** What may be made at a destination that is the user's own: anything. */
export const keepEverything = { keepSetuid: true, keepDevices: true, keepSecurityXattrs: true } as const;
