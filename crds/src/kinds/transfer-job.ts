import { z } from 'zod';
import { destinationOutsideSource, endpoint } from './endpoint.ts';
import { apiVersion, type KindDefinition, type TransitionRule } from './kind-definition.ts';
import { objectMeta } from './object-meta.ts';
import { quantityBetween } from './quantity.ts';
import { type Rule, withRules } from './rule.ts';
import { atomic, onConflict, ordering, selection, symlinks } from './selection.ts';
import { transferJobStatus } from './transfer-job-status.ts';

export const updateMode = z.enum(['IfDifferent', 'Always']);
export type UpdateMode = z.infer<typeof updateMode>;

export const durability = z.enum(['Batch', 'File', 'None']);
export type Durability = z.infer<typeof durability>;

export const ioMode = z.enum(['Auto', 'Posix', 'IoUring', 'Mmap']);

export const directIo = z.enum(['Auto', 'Always', 'Never']);

const sparseMode = z.enum(['Auto', 'Always', 'Never']);

export const digestAlgorithm = z.enum(['XXH3', 'XXH64', 'BLAKE3', 'SHA256']);
export type DigestAlgorithm = z.infer<typeof digestAlgorithm>;

export const verifyLevel = z.enum(['None', 'Source', 'Readback', 'Media']);
export type VerifyLevel = z.infer<typeof verifyLevel>;

const verify = z.strictObject({
  algorithm: digestAlgorithm
    .default('XXH3')
    .describe(
      'Digest over the content of each file: XXH3 (128 bits, equal to xxhsum -H2), XXH64 (equal to xxhsum -H1), BLAKE3 (equal to b3sum) or SHA256 (equal to sha256sum).',
    ),
  level: verifyLevel
    .default('Readback')
    .describe(
      'Source computes the digest of what was read, compares it with nothing and does not keep it. Readback also reads every copied file again at the destination, through ' +
        'the page cache, and compares: it finds errors of the copy, not of the disk. Media makes every file durable, reads it again past the page cache ' +
        '(O_DIRECT) and compares: it finds what the storage returns wrong, costs a synchronisation for each file, and fails where the file system has ' +
        'no such reads. None computes no digest.',
    ),
});
export type Verify = z.infer<typeof verify>;

const bandwidth = z.strictObject({
  limit: quantityBetween({ least: '1', most: '1Pi', unit: 'bytes per second', advice: 'leave bandwidth out for no limit' }).describe(
    'Bytes per second for the whole job, a quantity such as 100M or 64Mi, from 1 to 1Pi.',
  ),
});

const parallelism = z.strictObject({
  threadsPerNode: z
    .int()
    .min(1)
    .max(256)
    .meta({ format: 'int32' })
    .optional()
    .describe(
      'Threads that copy on a node; an agent gives at most 4 for each of its CPUs. Absent means chosen from the CPUs that the agent may use.',
    ),
});

export const numaMode = z.enum(['Auto', 'Off']);

export const preserve = z.strictObject({
  owner: z.boolean().default(true).describe('Owner and group. If false, copies belong to whoever carries the job out.'),
  mode: z
    .boolean()
    .default(true)
    .describe(
      'Permissions with setuid, setgid and sticky bits. If false, a new entry gets the permissions of the source less the umask, and one that replaces a file gets those of that file.',
    ),
  times: z
    .boolean()
    .default(true)
    .describe(
      'Modification and access times, to the nanosecond. If false, copies have the time of their making, so that update IfDifferent copies them again.',
    ),
  xattrs: z
    .boolean()
    .default(true)
    .describe('Extended attributes: those of the namespace user, and of trusted and security where the policy keeps them.'),
  acls: z
    .boolean()
    .default(true)
    .describe('POSIX ACLs (access and default), NFSv4 ACLs, and security descriptors of Windows, byte for byte.'),
  hardlinks: z.boolean().default(true).describe('Which names are one file. If false, each name becomes a file of its own.'),
  specialFiles: z
    .boolean()
    .default(true)
    .describe('FIFOs, sockets and devices, where the policy keeps them. If false, they are left out and counted in entriesRefused.'),
  sparse: sparseMode
    .default('Auto')
    .describe(
      'What becomes of the holes of sparse files. Auto makes them again where the source has them. Always also makes holes of blocks of zeros. Never writes every byte, ' +
        'so that the copy takes all its space.',
    ),
  strict: z
    .boolean()
    .default(false)
    .describe(
      'Whether an entry fails, with reason MetadataNotKept, when something of it cannot be kept. If false, that is counted in progress.notKept.',
    ),
});
export type Preserve = z.infer<typeof preserve>;

const directIoNeedsCalls: Rule<{ io: z.infer<typeof ioMode>; directIo: z.infer<typeof directIo> }> = {
  message: 'must be Auto or Never while io is Mmap, which always goes through the page cache; set io to Auto, Posix or IoUring',
  holds: (value) => !(value.io === 'Mmap' && value.directIo === 'Always'),
  cel: "!(self.io == 'Mmap' && self.directIo == 'Always')",
  member: 'directIo',
};

const engineMembers = z.strictObject({
  io: ioMode
    .default('Auto')
    .describe(
      'By what calls bytes are moved. Auto takes the best that the file systems offer: shared blocks, copies made by a file server, read and write. ' +
        'Posix (read and write), IoUring and Mmap move every byte that way; where that is not possible they fall back to read and write.',
    ),
  directIo: directIo
    .default('Auto')
    .describe(
      'Whether files of a megabyte or more go past the page cache. Auto only for cold files of a gigabyte or more that would fill half of it, when that is measured to be faster. ' +
        'Always for all; where a file system cannot, through the page cache.',
    ),
  bufferSize: quantityBetween({ least: '4Ki', most: '1Gi', unit: 'bytes', advice: 'leave it out to let the engine choose' })
    .optional()
    .describe(
      'Bytes that one read or write of a large file moves, a quantity from 4Ki to 1Gi; an agent gives all its buffers together at most an eighth of its memory. Absent means chosen by the engine.',
    ),
  numa: numaMode
    .default('Auto')
    .describe(
      'On a machine of several memory nodes, Auto keeps threads and buffers on the node of the destination (else of the source), and spreads them where the storage has none. Off leaves it to the kernel.',
    ),
});
const engine = withRules(engineMembers, [directIoNeedsCalls]);

/** What a user asks for. Only fields that this build carries out: any other is refused. */
export const transferJobSpec = withRules(
  z.strictObject({
    source: endpoint.describe('Where the bytes come from. Nothing is changed there.'),
    destination: endpoint.describe(
      'Where the bytes go. Missing directories are created. An existing file is only ever replaced whole; files that the source lacks stay.',
    ),
    update: updateMode
      .default('IfDifferent')
      .describe(
        'Which files are copied when the destination has them already. IfDifferent leaves a file alone whose size and modification time ' +
          '(to the nanosecond) are equal. Always copies every file, and again when the work is taken up after a suspension or a crash.',
      ),
    selection: selection.optional().describe('Which entries of the source are copied. Absent means all.'),
    ordering: ordering
      .default('Auto')
      .describe(
        'In what order files begin. Auto is the fastest: small files directory by directory, large ones beside them, largest first. SmallestFirst and LargestFirst ' +
          'are exact for up to 65536 files; of more, each file is the best of the 65536 found ahead of it. Path is the order of the bytes of paths.',
      ),
    symlinks: symlinks
      .default('Preserve')
      .describe(
        'Preserve copies symbolic links as they are. Skip leaves them out. FollowWithinRoot copies what they lead to, a file or a directory within the source; ' +
          'one that leads out of it, nowhere, or to a directory it lies in, is a failure by name.',
      ),
    onConflict: onConflict
      .default('Overwrite')
      .describe(
        'What becomes of a file when the destination has another by its name. Overwrite replaces it whole, Skip leaves it, Fail makes it a failure by name. ' +
          'With Skip and Fail a file of equal size and modification time is left alone and no conflict, whatever update says, and atomic is Always.',
      ),
    atomic: atomic
      .default('Replace')
      .describe(
        'Which files appear whole: written under a temporary name and renamed. Replace does so for those that replace another, Always for new ones too.',
      ),
    verify: verify.optional().describe('How the copy is checked. Absent means that no digest is computed and nothing is read back.'),
    durability: durability
      .default('Batch')
      .describe(
        'What done means for power loss. Batch makes the data of many files durable at once before they get their times and final names. ' +
          'File does so for each file. None promises nothing.',
      ),
    preserve: preserve
      .optional()
      .describe('What is kept of an entry beside its content. Absent means everything, as far as the file system and the policy allow.'),
    bandwidth: bandwidth
      .optional()
      .describe('How fast the job may move bytes. Absent means no limit. A change takes effect within seconds.'),
    parallelism: parallelism
      .optional()
      .describe('How many threads work on the job. A change while it runs begins the work anew, which leaves finished files alone.'),
    engine: engine.optional().describe('How the engine moves bytes. The defaults suit most storage.'),
    suspend: z
      .boolean()
      .default(false)
      .describe(
        'Whether the job rests. True stops it within seconds; finished files stay, and false goes on: with update IfDifferent without copying them again.',
      ),
  }),
  [destinationOutsideSource],
);
export type TransferJobSpec = z.infer<typeof transferJobSpec>;

/** A job as a user writes it and as the API server stores it. */
export const transferJob = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('TransferJob'),
  metadata: objectMeta,
  spec: transferJobSpec,
  status: transferJobStatus.optional(),
});
export type TransferJob = z.infer<typeof transferJob>;

/** Once agents work on a job, what it copies and how stays as it is: a change would make one job out of two. */
const fixedOnceStarted = [
  'source',
  'destination',
  'update',
  'selection',
  'ordering',
  'symlinks',
  'onConflict',
  'atomic',
  'verify',
  'durability',
  'preserve',
  'engine',
].map((member): TransitionRule => {
  const [now, before] = [`self.spec.${member}`, `oldSelf.spec.${member}`];
  return {
    fieldPath: `.spec.${member}`,
    // has() on both sides, or an optional member that appears or goes would slip through.
    cel: `!has(oldSelf.status) || !has(oldSelf.status.startTime) || (has(${now}) ? has(${before}) && ${now} == ${before} : !has(${before}))`,
    message: 'cannot change once the job has started; delete the job and create another',
  };
});

export const transferJobKind: KindDefinition = {
  kind: 'TransferJob',
  plural: 'transferjobs',
  singular: 'transferjob',
  shortNames: ['tj'],
  scope: 'Namespaced',
  description: 'TransferJob copies a directory tree or a file from its source to its destination, with live progress in its status.',
  declaredIn: 'crds/src/kinds/transfer-job.ts',
  spec: transferJobSpec.describe('What is to be copied, and how.'),
  status: transferJobStatus.describe('What is known about the job; written by SmartCopy alone.'),
  transitionRules: fixedOnceStarted,
  // Columns cannot format, so rate, time left and percent come as ready-made strings from status.progress.summary.
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Progress', type: 'string', jsonPath: '.status.progress.summary.progress' },
    { name: 'Rate', type: 'string', jsonPath: '.status.progress.summary.rate' },
    { name: 'ETA', type: 'string', jsonPath: '.status.progress.summary.eta' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Done', type: 'integer', format: 'int64', jsonPath: '.status.progress.bytesDone', priority: 1 },
    { name: 'Total', type: 'integer', format: 'int64', jsonPath: '.status.progress.bytesTotal', priority: 1 },
    { name: 'Failed', type: 'integer', format: 'int64', jsonPath: '.status.progress.filesFailed', priority: 1 },
    { name: 'Nodes', type: 'string', jsonPath: '.status.shards.nodes', priority: 1 },
    // The condition Complete carries a reason whatever its status, and a filter can name only one type.
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Complete")].reason', priority: 1 },
  ],
};
