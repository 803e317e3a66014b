import { z } from 'zod';
import { conditionOf, reason } from './condition.ts';
import { count } from './count.ts';
import { mapList } from './list.ts';
import { time } from './time.ts';

// Members of status may be unknown to this build (it may read what a newer one wrote), so these objects are not strict.

const transferJobPhase = z.enum(['Pending', 'Scanning', 'Running', 'Verifying', 'Suspended', 'Complete', 'Failed']);
export type TransferJobPhase = z.infer<typeof transferJobPhase>;

/** As a person may see it: see TransferFailure. */
const entryPath = z.string().max(256);
const entryPathHex = z
  .string()
  .max(512)
  .regex(/^([0-9a-f]{2})*$/, { error: 'must be pairs of hexadecimal digits' });
const errorName = z
  .string()
  .max(32)
  .regex(/^E[A-Z0-9]+$/, { error: "must be an error's name such as EIO" });

const summary = z.object({
  progress: z.string().max(64).describe('For example 42%, or 1.5 GiB until totalsFinal.'),
  rate: z.string().max(64).describe('For example 1.2 GiB/s.'),
  eta: z.string().max(64).optional().describe('Time left, for example 3m20s; absent while that is unknown and at the end.'),
});

/** What of an entry a copy may be without although its content is complete. */
const attribute = z.enum(['owner', 'mode', 'setuid', 'xattr', 'capability', 'acl', 'time', 'specialFile']);

/** How many kinds of what was not kept a status names. */
const maxNotKeptKinds = 10;

/** One kind of what was not kept, with one of the entries that it befell. */
const notKept = z.object({
  what: attribute.describe(
    'What the copies are without: owner (or group), mode, setuid (and setgid), xattr, capability (of a program), acl, time, or specialFile for an entry that was not made at all.',
  ),
  errno: errorName
    .optional()
    .describe("The system's error, such as EPERM; absent when the policy leaves it out or the file system keeps something else."),
  count: count.min(1).describe('How many entries are without it.'),
  path: entryPath.describe('The first of them, relative to the path of the destination; written as in errors.'),
});
export type NotKept = z.infer<typeof notKept>;

export const transferProgress = z.object({
  bytesTotal: count.describe('Bytes of content found in the source so far; all of it once totalsFinal. Hard-linked content counts once.'),
  bytesDone: count.describe('Bytes of content that reached the destination.'),
  bytesUnchanged: count.describe('Bytes of content of files that were left alone, because they were equal already or were skipped.'),
  filesTotal: count.describe('Names found that are not directories: regular files, symbolic links and further names of hard-linked files.'),
  filesDone: count.describe('Files that were copied and are as durable as spec.durability says.'),
  filesUnchanged: count.describe('Files that were left alone because they were equal already.'),
  filesSkipped: count
    .optional()
    .describe('Files that were left alone because the destination has another by their name and spec.onConflict is Skip.'),
  entriesFiltered: count
    .optional()
    .describe(
      'Entries that were not asked for: by spec.selection, or symbolic links with spec.symlinks Skip. A directory that is not walked counts once.',
    ),
  entriesRefused: count.describe('Devices, sockets and FIFOs that were left out.'),
  filesFailed: count.describe('Entries that could not be copied, or not with all attributes: files, links and directories.'),
  bytesVerified: count.describe('Bytes read back from the destination and found equal.'),
  notKept: z
    .array(notKept)
    .max(maxNotKeptKinds)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('What was copied and is not quite the same, one of each kind; known at the end, absent when everything was kept.'),
  totalsFinal: z.boolean().describe('Whether the whole source has been counted, so that bytesTotal and filesTotal do not grow any more.'),
  percent: z
    .int()
    .min(0)
    .max(100)
    .meta({ format: 'int32' })
    .optional()
    .describe('Share of the content that is done or unchanged; absent until totalsFinal.'),
  bytesPerSecond: count.describe(
    'Rate of the last seconds while the job runs, its mean when it has ended; without shared blocks and holes, which are not moved.',
  ),
  estimatedCompletionTime: time
    .optional()
    .describe('When the job will end at the present rate; absent while that is unknown and at the end.'),
  lastUpdateTime: time.describe('When these numbers were taken.'),
  summary: summary.describe('The numbers as text for people; its form may change.'),
});
export type TransferProgress = z.infer<typeof transferProgress>;

export const engineUsed = z.object({
  reflink: count.describe('Bytes that the file system shares between source and destination instead of copying them.'),
  copyFileRange: count.optional().describe('Bytes that the kernel or a file server copied by itself (copy_file_range).'),
  readWrite: count.describe('Bytes moved by read and write.'),
  ioUring: count.optional().describe('Bytes moved by io_uring.'),
  mmap: count.optional().describe('Bytes written from a mapping of the source.'),
  holes: count.optional().describe('Bytes of holes and, with preserve.sparse Always, of zeros, that take no space at the destination.'),
  directIoBytes: count.optional().describe('Beside the methods: how many of these bytes were written past the page cache.'),
});
export type EngineUsed = z.infer<typeof engineUsed>;

/** Failures of one kind, with one of the entries they befell as the example. */
export const transferFailure = z.object({
  reason: reason.describe('What went wrong, as one word such as NoSpace, PermissionDenied or VerifyMismatch.'),
  side: z.enum(['Source', 'Destination']).describe('Which end of the job the path is in.'),
  path: entryPath.describe(
    'The entry, relative to the path of that end, shortened to 256 characters; unprintable characters and bytes that are no UTF-8 are escaped. ' +
      'Empty means that directory itself.',
  ),
  pathHex: entryPathHex
    .optional()
    .describe('The first 256 bytes of the whole path in hexadecimal digits; present only where it is not UTF-8.'),
  errno: errorName.optional().describe("The system's error, such as EIO; absent when no system call failed."),
  syscall: z.string().max(32).optional().describe('The system call that failed, such as openat2.'),
  count: count.min(1).describe('How many entries failed in this way.'),
});
export type TransferFailure = z.infer<typeof transferFailure>;

/** How many kinds of failures a status names. */
export const maxFailureKinds = 10;

const shards = z.object({
  total: count.describe('Parts that the job was divided into.'),
  active: count.describe('Parts that agents hold.'),
  succeeded: count.describe('Parts that ended well.'),
  failed: count.describe('Parts that ended otherwise.'),
  nodes: z.string().max(512).describe('The nodes that work on the job, or did, separated by commas.'),
});

const transferJobCondition = conditionOf([
  'Ready',
  'Reconciling',
  'Stalled',
  'Authorized',
  'Scheduled',
  'Suspended',
  'Verified',
  'Complete',
  'Failed',
]);
export type TransferJobCondition = z.infer<typeof transferJobCondition>;

/** What is known about a job; written by SmartCopy alone. The same whether an operator or `smartcopy run` carries the job out. */
export const transferJobStatus = z.object({
  observedGeneration: count.optional().describe('The metadata.generation that this status is about.'),
  phase: transferJobPhase.describe('Summary of where the job stands; the reasons are in conditions.'),
  startTime: time.optional().describe('When the job started.'),
  completionTime: time.optional().describe('When the job ended, well or not.'),
  progress: transferProgress.optional().describe('What has been found, copied and verified so far.'),
  engineUsed: engineUsed
    .optional()
    .describe(
      'Bytes by the method that moved them; the methods do not overlap and their sum is progress.bytesDone. directIoBytes is no method: it counts some of them again.',
    ),
  errors: z
    .array(transferFailure)
    .max(maxFailureKinds)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('The first ten kinds of failures, each with how often it happened.'),
  shards: shards.optional().describe('The parts of the job and where they are. Absent without a cluster.'),
  conditions: mapList(transferJobCondition, { most: 12, keys: ['type'] })
    .optional()
    .describe(
      'Statements about the job. Complete is always present; while it is False its reason says why. Failed is present when the job has failed, ' +
        'Verified when spec.verify.level is Readback or Media and the job has ended. In a cluster also: Authorized (a policy allows both ends), Scheduled (an agent can carry it out), ' +
        'Suspended, and Ready, Reconciling and Stalled as tools read them: Ready is True only with Complete, Reconciling is present while work goes on, Stalled when a person must act.',
    ),
});
export type TransferJobStatus = z.infer<typeof transferJobStatus>;
