/** A status with every field, each text as long as it may be. */
export const finishedStatus = {
  observedGeneration: 1,
  phase: 'Failed',
  startTime: '2026-01-31T09:30:00Z',
  completionTime: '2026-01-31T09:30:07.250Z',
  progress: {
    bytesTotal: 9007199254740991,
    bytesDone: 9007199254740991,
    bytesUnchanged: 0,
    filesTotal: 12,
    filesDone: 10,
    filesUnchanged: 1,
    entriesRefused: 0,
    filesFailed: 1,
    bytesVerified: 0,
    notKept: Array.from({ length: 10 }, () => ({
      what: 'specialFile',
      errno: 'EOPNOTSUPP',
      count: 9007199254740991,
      path: '\\xff'.repeat(64),
    })),
    totalsFinal: true,
    percent: 100,
    bytesPerSecond: 1258291200,
    estimatedCompletionTime: '2026-01-31T09:30:07Z',
    lastUpdateTime: '2026-01-31T10:30:07+01:00',
    summary: { progress: '1'.repeat(64), rate: '1'.repeat(64), eta: '1'.repeat(64) },
  },
  engineUsed: { reflink: 0, copyFileRange: 0, readWrite: 9007199254740991, ioUring: 0, mmap: 0, holes: 0, directIoBytes: 0 },
  shards: { total: 1, active: 0, succeeded: 0, failed: 1, nodes: 'n'.repeat(512) },
  errors: Array.from({ length: 10 }, () => ({
    reason: 'PermissionDenied'.padEnd(64, 'd'),
    side: 'Destination',
    path: '\\xff'.repeat(64),
    pathHex: 'ff'.repeat(256),
    errno: 'EACCES',
    syscall: 'openat2',
    count: 9007199254740991,
  })),
  conditions: ['Ready', 'Reconciling', 'Stalled', 'Authorized', 'Scheduled', 'Suspended', 'Verified', 'Complete', 'Failed'].map((type) => ({
    type,
    status: 'False',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-31T09:30:07Z',
    reason: 'EntriesFailed',
    message: 'm'.repeat(1024),
  })),
};

const { progress, errors, conditions } = finishedStatus;
const [failure] = errors;
const [condition] = conditions;

/** What neither door takes as a status of a job, as members that replace those of `finishedStatus`. */
export const refusedStatuses: readonly { name: string; change: object; field: string; message: string }[] = [
  refuse('no phase', { phase: undefined }, 'phase', 'is required'),
  refuse(
    'a phase of another word',
    { phase: 'Done' },
    'phase',
    'must be Pending, Scanning, Running, Verifying, Suspended, Complete, or Failed',
  ),
  refuse('a local time', { startTime: '2026-01-31 09:30' }, 'startTime', 'must be a time such as 2026-01-31T09:30:00Z'),
  refuse('101 percent', { progress: { ...progress, percent: 101 } }, 'progress.percent', 'must be at most 100'),
  refuse('half a percent', { progress: { ...progress, percent: 0.5 } }, 'progress.percent', 'must be a whole number, not 0.5'),
  refuse('a negative count', { progress: { ...progress, filesDone: -1 } }, 'progress.filesDone', 'must be at least 0'),
  refuse('no number of shards', { shards: { ...finishedStatus.shards, total: undefined } }, 'shards.total', 'is required'),
  refuse('an eleventh kind of failure', { errors: [...errors, failure] }, 'errors', 'must be at most 10 entries long'),
  refuse(
    'a path of 257 characters',
    { errors: [{ ...failure, path: 'a'.repeat(257) }] },
    'errors[0].path',
    'must be at most 256 characters long',
  ),
  refuse('half a byte of a path', { errors: [{ ...failure, pathHex: 'fff' }] }, 'errors[0].pathHex', 'must be pairs of hexadecimal digits'),
  refuse('an errno as a number', { errors: [{ ...failure, errno: '13' }] }, 'errors[0].errno', "must be an error's name such as EIO"),
  refuse('a failure that happened to nothing', { errors: [{ ...failure, count: 0 }] }, 'errors[0].count', 'must be at least 1'),
  refuse('a reason of two words', { errors: [{ ...failure, reason: 'No space' }] }, 'errors[0].reason', 'must be one word in PascalCase'),
  refuse(
    'a condition of another type',
    { conditions: [{ ...condition, type: 'Healthy' }] },
    'conditions[0].type',
    'must be Ready, Reconciling, Stalled, Authorized, Scheduled, Suspended, Verified, Complete, or Failed',
  ),
  refuse(
    'a condition that is neither true nor false',
    { conditions: [{ ...condition, status: true }] },
    'conditions[0].status',
    'must be True, False, or Unknown',
  ),
  refuse('one condition twice', { conditions: [condition, condition] }, 'conditions[1]', 'must not repeat the type of an entry before it'),
];

function refuse(name: string, change: object, member: string, message: string) {
  return { name, change, field: `status.${member}`, message };
}
