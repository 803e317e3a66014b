import type { Counters } from '@smartcopy/native';

const zero: Counters = {
  bytesTotal: 0,
  bytesDone: 0,
  bytesUnchanged: 0,
  filesTotal: 0,
  filesDone: 0,
  filesUnchanged: 0,
  filesFailed: 0,
  filesSkipped: 0,
  directoriesDone: 0,
  entriesRefused: 0,
  entriesFiltered: 0,
  bytesVerified: 0,
  reflinkBytes: 0,
  copyFileRangeBytes: 0,
  readWriteBytes: 0,
  ioUringBytes: 0,
  mmapBytes: 0,
  holeBytes: 0,
  directIoBytes: 0,
  throttleWaitMs: 0,
  totalsFinal: false,
};

/** Counters for tests of what is made of them: zero but for what is given. */
export function countersOf(given: Partial<Counters>): Counters {
  return { ...zero, ...given };
}
