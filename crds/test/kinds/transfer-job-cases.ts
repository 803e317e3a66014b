import { type AcceptedObject, type RefusedObject, rule, structure, type Transition, unknown } from './cases.ts';
import { finishedStatus, refusedStatuses } from './transfer-job-status-cases.ts';

// Objects that every door must accept or refuse: the schema here, the API server wherever one is at hand.

const scratch = { root: 'scratch', path: 'run42', nodeName: 'worker-1' };
const archive = { root: 'archive', path: 'run42', nodeName: 'worker-1' };

/** A job with the given members of spec over a plain copy of one root's directory to another root. */
export function jobWith(spec: object = {}): {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: object;
} {
  return {
    apiVersion: 'smartcopy.io/v1alpha1',
    kind: 'TransferJob',
    metadata: { name: 'run42', namespace: 'climate' },
    spec: { source: { nodePath: scratch }, destination: { nodePath: archive }, ...spec },
  };
}

const from = (changes: object): object => jobWith({ source: { nodePath: { ...scratch, ...changes } } });
const withinRoot = (source: string, destination: string): object =>
  jobWith({ source: { nodePath: { ...scratch, path: source } }, destination: { nodePath: { ...scratch, path: destination } } });

const exportedMetadata = {
  name: 'run42',
  namespace: 'climate',
  uid: 'a7c1f0de-94a1-4f2b-8a52-0d0f6f0f3c11',
  resourceVersion: '812',
  generation: 1,
  creationTimestamp: '2026-01-31T09:30:00Z',
  labels: { team: 'ocean' },
  managedFields: [],
};

const excluding = (...exclude: readonly string[]): object => jobWith({ selection: { exclude } });
const longest = Array.from({ length: 128 }, () => '{a,[b-d]}*'.repeat(25).padEnd(256, 'x'));

export const acceptedJobs: readonly AcceptedObject[] = [
  { name: 'the shortest job', document: jobWith() },
  {
    name: 'a job that says everything',
    document: jobWith({
      update: 'Always',
      selection: { include: ['*.{nc,h5}', 'run/**/[a-z]?.dat'], exclude: ['tmp/', '/logs', '\\*'], minSize: 0, maxSize: '10Gi' },
      ordering: 'LargestFirst',
      symlinks: 'FollowWithinRoot',
      onConflict: 'Skip',
      atomic: 'Always',
      verify: { algorithm: 'BLAKE3', level: 'Source' },
      durability: 'File',
      preserve: {
        owner: false,
        mode: false,
        times: false,
        xattrs: false,
        acls: false,
        hardlinks: false,
        specialFiles: false,
        strict: true,
      },
      bandwidth: { limit: '100M' },
      parallelism: { threadsPerNode: 8 },
      engine: { bufferSize: '1Mi' },
      suspend: true,
    }),
  },
  { name: 'a digest of OpenSSL, read back from the medium', document: jobWith({ verify: { algorithm: 'SHA256', level: 'Media' } }) },
  { name: 'the older digest of xxHash', document: jobWith({ verify: { algorithm: 'XXH64' } }) },
  {
    name: 'empty objects, whose members have defaults',
    document: jobWith({ verify: {}, preserve: {}, parallelism: {}, engine: {}, selection: {} }),
  },
  { name: 'as many patterns of as many characters as fit', document: jobWith({ selection: { include: longest, exclude: longest } }) },
  { name: 'a pattern of three groups within one another', document: excluding('{a,{b,{c,[d-f]}}}') },
  { name: 'a pattern of characters of three bytes', document: excluding('世'.repeat(256)) },
  { name: 'bounds that are equal', document: jobWith({ selection: { minSize: '1Ki', maxSize: 1024 } }) },
  { name: 'a path left out, which is the root', document: jobWith({ source: { nodePath: { root: 'scratch', nodeName: 'worker-1' } } }) },
  { name: 'a root alias of 63 characters', document: from({ root: 'a'.repeat(63) }) },
  { name: 'a root alias that starts with a digit', document: from({ root: '2nd-disk' }) },
  { name: 'a node name with dots, 253 characters long', document: from({ nodeName: `${'a.'.repeat(126)}b` }) },
  { name: 'a path of 4095 bytes', document: from({ path: 'a'.repeat(4095) }) },
  { name: 'a path of 4095 bytes in characters of three', document: from({ path: '世'.repeat(1365) }) },
  { name: 'a path of as many segments as fit', document: from({ path: `${'a/'.repeat(2047)}b` }) },
  { name: 'names that only begin with dots', document: from({ path: '...//..a/.b/c..'.replace('//', '/') }) },
  { name: 'blanks, quotes, a newline and a control character in a path', document: from({ path: ' a\'"\n\u0001/\\b ' }) },
  { name: 'a limit of one byte per second', document: jobWith({ bandwidth: { limit: 1 } }) },
  { name: 'the highest limit', document: jobWith({ bandwidth: { limit: '1Pi' } }) },
  { name: 'a limit with a fraction and a binary suffix', document: jobWith({ bandwidth: { limit: '1.5Gi' } }) },
  { name: 'a limit with an exponent', document: jobWith({ bandwidth: { limit: '1e9' } }) },
  { name: 'the smallest buffer', document: jobWith({ engine: { bufferSize: 4096 } }) },
  { name: 'the largest buffer', document: jobWith({ engine: { bufferSize: '1Gi' } }) },
  { name: 'threads and buffers wherever the kernel puts them', document: jobWith({ engine: { numa: 'Off' } }) },
  { name: 'a ring past the page cache', document: jobWith({ engine: { io: 'IoUring', directIo: 'Always' } }) },
  { name: 'a mapping', document: jobWith({ engine: { io: 'Mmap', directIo: 'Never' } }) },
  { name: 'a copy without holes', document: jobWith({ preserve: { sparse: 'Never' } }) },
  { name: 'preserve that says nothing', document: jobWith({ preserve: {} }) },
  { name: 'one thread', document: jobWith({ parallelism: { threadsPerNode: 1 } }) },
  { name: '256 threads', document: jobWith({ parallelism: { threadsPerNode: 256 } }) },
  { name: 'a destination beside the source', document: withinRoot('data/run4', 'data/run42') },
  { name: 'a destination that the source lies in', document: withinRoot('data/run42', 'data') },
  { name: 'a source in the destination, which is the root', document: withinRoot('run42', '') },
  {
    name: 'the same path on another node',
    document: jobWith({ source: { nodePath: scratch }, destination: { nodePath: { ...scratch, nodeName: 'worker-2' } } }),
  },
  { name: 'an exported job with a status', document: { ...jobWith(), metadata: exportedMetadata, status: finishedStatus } },
];

const labelMessage = "must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2";
const subdomainMessage =
  "must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part; for example worker-1.example";
const segmentMessage = "must not contain an empty or '.' segment or end in '/'; write a/b instead of a//b, ./a/b or a/b/";
const parentMessage = "must not contain a '..' segment; name the directory from the root down";
const overlapMessage =
  'must not be the source or lie inside it (same root, same nodeName); choose a destination outside of the source, or a smaller source';
const limitMessage = 'must be from 1 to 1Pi bytes per second; leave bandwidth out for no limit';
const limitFormMessage =
  'must be bytes per second as a Kubernetes quantity, such as 500M, 1.5Gi or 1e9 (k, M, G, ... are powers of 1000; Ki, Mi, Gi, ... of 1024)';
const bufferMessage = 'must be from 4Ki to 1Gi bytes; leave it out to let the engine choose';
const bufferFormMessage = limitFormMessage.replace('bytes per second', 'bytes');
const quantityMessage = 'must be a quantity such as 1.5Gi, or a whole number';

const path = 'spec.source.nodePath.path';
const limit = 'spec.bandwidth.limit';
const limited = (value: unknown): object => jobWith({ bandwidth: { limit: value } });

const structureMessage =
  'must close every [ and {, hold no empty [] or {} and no / in [], have a comma in each {} and at most three {} within one another; write \\ before a character that is meant itself';
const componentMessage = "must not be empty or hold an empty, '.' or '..' component, which no path below the source has; leave it out";
const pattern = 'spec.selection.exclude[0]';

const malformedPatterns = [
  '[abc',
  'a{b,c',
  'a]',
  'a}',
  '{a}',
  '{1..3}',
  '[]',
  '[!]',
  '[a/b]',
  '[[:alpha:]]',
  'a\\',
  'a\\/b',
  '{a,{b,{c,{d,e}}}}',
].map((text) => rule(`the pattern ${text}`, excluding(text), pattern, structureMessage));
const idlePatterns = ['/', 'a//b', './a', 'a/..', '..', '/.', 'a//'].map((text) =>
  rule(`the pattern ${text}`, excluding(text), pattern, componentMessage),
);

const refusedByRule: readonly RefusedObject[] = [
  ...malformedPatterns,
  ...idlePatterns,
  ...(
    [
      ['a{', structureMessage],
      ['a//b', componentMessage],
      ['\0', 'must not contain a NUL character, which no file name can hold; remove it'],
    ] as const
  ).map(([text, message]) =>
    rule(
      `the pattern ${JSON.stringify(text)} to include`,
      jobWith({ selection: { include: [text] } }),
      'spec.selection.include[0]',
      message,
    ),
  ),
  ...['minSize', 'maxSize'].flatMap((bound) => [
    rule(`${bound} in another notation`, jobWith({ selection: { [bound]: '1KB' } }), `spec.selection.${bound}`, bufferFormMessage),
    rule(
      `${bound} beyond what can be counted`,
      jobWith({ selection: { [bound]: '9Pi' } }),
      `spec.selection.${bound}`,
      'must be from 0 to 8Pi bytes; leave it out for no bound',
    ),
  ]),
  rule('a NUL in a pattern', excluding('a\0b'), pattern, 'must not contain a NUL character, which no file name can hold; remove it'),
  rule(
    'an include of directories',
    jobWith({ selection: { include: ['docs/'] } }),
    'spec.selection.include[0]',
    "must not end in '/': an include names files; write docs/** for everything below docs",
  ),
  rule(
    'bounds of size in the wrong order',
    jobWith({ selection: { minSize: '2Ki', maxSize: '1Ki' } }),
    'spec.selection',
    'must not have a maxSize below minSize: no file would be copied',
  ),
  rule('a root alias in capitals', from({ root: 'Scratch' }), 'spec.source.nodePath.root', labelMessage),
  rule('a root alias that ends in a dash', from({ root: 'scratch-' }), 'spec.source.nodePath.root', labelMessage),
  rule('a host path as the root', from({ root: '/scratch' }), 'spec.source.nodePath.root', labelMessage),
  rule('a root alias followed by a newline', from({ root: 'scratch\n' }), 'spec.source.nodePath.root', labelMessage),
  rule('an empty root alias', from({ root: '' }), 'spec.source.nodePath.root', labelMessage),
  rule('a node name with two dots in a row', from({ nodeName: 'worker..1' }), 'spec.source.nodePath.nodeName', subdomainMessage),
  rule('a node name with an underscore', from({ nodeName: 'worker_1' }), 'spec.source.nodePath.nodeName', subdomainMessage),
  rule(
    'a path of 4096 bytes in 4095 characters',
    from({ path: `é${'a'.repeat(4094)}` }),
    path,
    'must be at most 4095 bytes of UTF-8; use a root that lies deeper',
  ),
  rule('a NUL in a path', from({ path: 'a\0b' }), path, 'must not contain a NUL character, which no file name can hold; remove it'),
  rule('an absolute path', from({ path: '/run42' }), path, "must be relative to the root; remove the leading '/'"),
  rule('a path that starts above the root', from({ path: '../run42' }), path, parentMessage),
  rule('a path that goes up in its middle', from({ path: 'a/../b' }), path, parentMessage),
  rule('a path that is the parent', from({ path: '..' }), path, parentMessage),
  rule('a path with an empty segment', from({ path: 'a//b' }), path, segmentMessage),
  rule('a path that ends in a slash', from({ path: 'run42/' }), path, segmentMessage),
  rule('a path that starts with a dot segment', from({ path: './run42' }), path, segmentMessage),
  rule('a path that is a dot', from({ path: '.' }), path, segmentMessage),
  rule('a source that says no place', jobWith({ source: {} }), 'spec.source', 'must say exactly one place; set nodePath'),
  rule('a limit of nothing', limited(0), limit, limitMessage),
  rule('a limit of nothing with a suffix', limited('0Gi'), limit, limitMessage),
  rule('a limit below one byte', limited('0.5'), limit, limitMessage),
  rule('a limit above 1Pi', limited('1.1Pi'), limit, limitMessage),
  rule('a limit far above 1Pi', limited('9e99'), limit, limitMessage),
  rule('a number above 1Pi as the limit', limited(2 ** 50 + 1), limit, limitMessage),
  rule('a limit in thousandths', limited('1500m'), limit, limitFormMessage),
  rule('a limit in words', limited('100 MB'), limit, limitFormMessage),
  rule('a negative number as the limit', limited(-5), limit, limitFormMessage),
  rule('an empty limit', limited(''), limit, limitFormMessage),
  rule('a suffix in the wrong case', limited('100K'), limit, limitFormMessage),
  rule('a buffer below 4Ki', jobWith({ engine: { bufferSize: '4095.5' } }), 'spec.engine.bufferSize', bufferMessage),
  rule('a buffer above 1Gi', jobWith({ engine: { bufferSize: 1073741825 } }), 'spec.engine.bufferSize', bufferMessage),
  rule('a buffer of another unit', jobWith({ engine: { bufferSize: '1MiB' } }), 'spec.engine.bufferSize', bufferFormMessage),
  rule(
    'a mapping past the page cache',
    jobWith({ engine: { io: 'Mmap', directIo: 'Always' } }),
    'spec.engine.directIo',
    'must be Auto or Never while io is Mmap, which always goes through the page cache; set io to Auto, Posix or IoUring',
  ),
  rule('a destination that is the source', withinRoot('a/b', 'a/b'), 'spec.destination', overlapMessage),
  rule('a destination inside the source', withinRoot('a', 'a/b'), 'spec.destination', overlapMessage),
  rule('a destination below a source that is the whole root', withinRoot('', 'copy'), 'spec.destination', overlapMessage),
  rule('a root copied onto itself', withinRoot('', ''), 'spec.destination', overlapMessage),
  // Both ends have the rules of the other; one object for each proves that they are there.
  ...destinationToo(),
];

function destinationToo(): RefusedObject[] {
  const to = (changes: object): object => jobWith({ destination: { nodePath: { ...archive, ...changes } } });
  const place = 'spec.destination.nodePath';
  return [
    rule('a destination root in capitals', to({ root: 'Archive' }), `${place}.root`, labelMessage),
    rule('a destination node name with a blank', to({ nodeName: 'a b' }), `${place}.nodeName`, subdomainMessage),
    rule(
      'a long destination path',
      to({ path: `é${'a'.repeat(4094)}` }),
      `${place}.path`,
      'must be at most 4095 bytes of UTF-8; use a root that lies deeper',
    ),
    rule(
      'a NUL in the destination path',
      to({ path: '\0' }),
      `${place}.path`,
      'must not contain a NUL character, which no file name can hold; remove it',
    ),
    rule('an absolute destination path', to({ path: '/' }), `${place}.path`, "must be relative to the root; remove the leading '/'"),
    rule('a destination path that goes up', to({ path: 'a/..' }), `${place}.path`, parentMessage),
    rule('a destination path that ends in a dot segment', to({ path: 'a/.' }), `${place}.path`, segmentMessage),
    rule('a destination that says no place', jobWith({ destination: {} }), 'spec.destination', 'must say exactly one place; set nodePath'),
  ];
}

const refusedByStructure: readonly RefusedObject[] = [
  structure('no spec', { ...jobWith(), spec: undefined }, 'spec', 'is required'),
  structure('no source', jobWith({ source: undefined }), 'spec.source', 'is required'),
  structure('no destination', jobWith({ destination: undefined }), 'spec.destination', 'is required'),
  structure('no root', from({ root: undefined }), 'spec.source.nodePath.root', 'is required'),
  structure('no node name', from({ nodeName: undefined }), 'spec.source.nodePath.nodeName', 'is required'),
  structure(
    'a root alias of 64 characters',
    from({ root: 'a'.repeat(64) }),
    'spec.source.nodePath.root',
    'must be at most 63 characters long',
  ),
  structure(
    'a node name of 254 characters',
    from({ nodeName: 'a'.repeat(254) }),
    'spec.source.nodePath.nodeName',
    'must be at most 253 characters long',
  ),
  structure('a path of 4096 characters', from({ path: 'a'.repeat(4096) }), path, 'must be at most 4095 characters long'),
  structure('a number as the path', from({ path: 42 }), path, 'must be a string, not a number'),
  structure('a list as the source', jobWith({ source: [] }), 'spec.source', 'must be an object, not a list'),
  structure('an update mode of later', jobWith({ update: 'IfNewer' }), 'spec.update', 'must be IfDifferent or Always'),
  structure(
    'an unknown digest',
    jobWith({ verify: { algorithm: 'MD5' } }),
    'spec.verify.algorithm',
    'must be XXH3, XXH64, BLAKE3, or SHA256',
  ),
  structure(
    'an unknown verify level',
    jobWith({ verify: { level: 'Deep' } }),
    'spec.verify.level',
    'must be None, Source, Readback, or Media',
  ),
  structure('a durability in small letters', jobWith({ durability: 'batch' }), 'spec.durability', 'must be Batch, File, or None'),
  structure('a pattern of 257 characters', excluding('a'.repeat(257)), pattern, 'must be at most 256 characters long'),
  structure('an empty pattern', excluding(''), pattern, 'must be at least 1 character long'),
  structure('129 patterns', excluding(...new Array(129).fill('a')), 'spec.selection.exclude', 'must be at most 128 entries long'),
  structure(
    'an ordering of another spelling',
    jobWith({ ordering: 'Smallest' }),
    'spec.ordering',
    'must be Auto, SmallestFirst, LargestFirst, or Path',
  ),
  structure('links followed anywhere', jobWith({ symlinks: 'Follow' }), 'spec.symlinks', 'must be Preserve, Skip, or FollowWithinRoot'),
  structure('a conflict of later', jobWith({ onConflict: 'Rename' }), 'spec.onConflict', 'must be Overwrite, Skip, or Fail'),
  structure('no atomicity', jobWith({ atomic: 'Never' }), 'spec.atomic', 'must be Replace or Always'),
  structure(
    'a word for a member of preserve',
    jobWith({ preserve: { owner: 'yes' } }),
    'spec.preserve.owner',
    'must be true or false, not a string',
  ),
  structure('a list as preserve', jobWith({ preserve: ['owner'] }), 'spec.preserve', 'must be an object, not a list'),
  structure('a call in small letters', jobWith({ engine: { io: 'posix' } }), 'spec.engine.io', 'must be Auto, Posix, IoUring, or Mmap'),
  structure('true for direct I/O', jobWith({ engine: { directIo: true } }), 'spec.engine.directIo', 'must be Auto, Always, or Never'),
  structure('sparse sometimes', jobWith({ preserve: { sparse: 'Maybe' } }), 'spec.preserve.sparse', 'must be Auto, Always, or Never'),
  structure('a bandwidth without a limit', jobWith({ bandwidth: {} }), limit, 'is required'),
  structure('a limit with a fraction as a number', limited(1.5), limit, quantityMessage),
  structure('a list as the limit', limited([]), limit, quantityMessage),
  structure('a limit of 33 characters', limited(`1.${'0'.repeat(31)}`), limit, 'must be at most 32 characters long'),
  structure('a word for suspend', jobWith({ suspend: 'yes' }), 'spec.suspend', 'must be true or false, not a string'),
  structure('no thread', jobWith({ parallelism: { threadsPerNode: 0 } }), 'spec.parallelism.threadsPerNode', 'must be at least 1'),
  structure('257 threads', jobWith({ parallelism: { threadsPerNode: 257 } }), 'spec.parallelism.threadsPerNode', 'must be at most 256'),
  structure(
    'half a thread',
    jobWith({ parallelism: { threadsPerNode: 1.5 } }),
    'spec.parallelism.threadsPerNode',
    'must be a whole number, not 1.5',
  ),
];

const refusedAsUnknown: readonly RefusedObject[] = [
  unknown('a field of later in spec', jobWith({ priority: 5 }), 'spec.priority'),
  unknown('a kind of place of later', jobWith({ source: { nodePath: scratch, pvc: { claimName: 'a' } } }), 'spec.source.pvc'),
  unknown('a misspelt field of a place', from({ nodename: 'worker-1' }), 'spec.source.nodePath.nodename'),
  unknown('a schedule of bandwidth', jobWith({ bandwidth: { limit: 1, scheduleRef: { name: 'a' } } }), 'spec.bandwidth.scheduleRef'),
  unknown('a field of later in verify', jobWith({ verify: { sample: 1 } }), 'spec.verify.sample'),
  unknown('a field of later in parallelism', jobWith({ parallelism: { shards: 2 } }), 'spec.parallelism.shards'),
  unknown('a misspelt member of preserve', jobWith({ preserve: { xattr: false } }), 'spec.preserve.xattr'),
  unknown('a field of later in engine', jobWith({ engine: { compression: 'None' } }), 'spec.engine.compression'),
  unknown('a field of later in preserve', jobWith({ preserve: { colour: true } }), 'spec.preserve.colour'),
  unknown('a misspelt member of metadata', { ...jobWith(), metadata: { name: 'run42', lables: {} } }, 'metadata.lables'),
  unknown('a member beside spec', { ...jobWith(), specs: {} }, 'specs'),
];

const refusedForTheirStatus = refusedStatuses.map(({ name, change, field, message }) =>
  structure(`a status with ${name}`, { ...jobWith(), status: { ...finishedStatus, ...change } }, field, message),
);

export const refusedJobs: readonly RefusedObject[] = [
  ...refusedByRule,
  ...refusedByStructure,
  ...refusedAsUnknown,
  ...refusedForTheirStatus,
];

const running = { phase: 'Running', startTime: '2026-01-31T09:30:00Z' };
const full = {
  update: 'Always',
  selection: { exclude: ['a'] },
  verify: { level: 'Source' },
  durability: 'File',
  preserve: { strict: true, sparse: 'Always' },
  engine: { bufferSize: '1Mi' },
};
const changed = (spec: object): object => jobWith({ ...full, ...spec });

const fixedOnceStarted: readonly (readonly [name: string, change: object, field: string])[] = [
  ['the source', { source: { nodePath: { ...scratch, path: 'run43' } } }, 'spec.source'],
  ['the node of the source', { source: { nodePath: { ...scratch, nodeName: 'worker-2' } } }, 'spec.source'],
  ['the destination', { destination: { nodePath: { ...archive, root: 'attic' } } }, 'spec.destination'],
  ['the update mode', { update: 'IfDifferent' }, 'spec.update'],
  ['a member of verify', { verify: { level: 'Readback' } }, 'spec.verify'],
  ['verify, which goes', { verify: undefined }, 'spec.verify'],
  ['the durability', { durability: undefined }, 'spec.durability'],
  ['a pattern', { selection: { exclude: ['b'] } }, 'spec.selection'],
  ['the selection, which goes', { selection: undefined }, 'spec.selection'],
  ['the ordering', { ordering: 'Path' }, 'spec.ordering'],
  ['what becomes of links', { symlinks: 'Skip' }, 'spec.symlinks'],
  ['what becomes of conflicts', { onConflict: 'Skip' }, 'spec.onConflict'],
  ['which files appear whole', { atomic: 'Always' }, 'spec.atomic'],
  ['a member of preserve', { preserve: { strict: true, owner: false } }, 'spec.preserve'],
  ['preserve, which goes', { preserve: undefined }, 'spec.preserve'],
  ['a member of engine', { engine: { bufferSize: '2Mi' } }, 'spec.engine'],
  ['engine, which goes', { engine: undefined }, 'spec.engine'],
  ['how holes are kept', { preserve: { sparse: 'Never' } }, 'spec.preserve'],
  ['preserve, which goes', { preserve: undefined }, 'spec.preserve'],
];

export const jobTransitions: readonly Transition[] = [
  { name: 'anything before the start', before: jobWith(), status: { phase: 'Pending' }, after: changed({}), refused: [] },
  { name: 'anything before there is a status', before: jobWith(), after: changed({}), refused: [] },
  {
    name: 'bandwidth, parallelism and suspend of a job that has started',
    before: jobWith({ bandwidth: { limit: '1Gi' } }),
    status: running,
    after: jobWith({ bandwidth: { limit: '2Gi' }, parallelism: { threadsPerNode: 2 }, suspend: true }),
    refused: [],
  },
  { name: 'a limit that goes', before: jobWith({ bandwidth: { limit: '1Gi' } }), status: running, after: jobWith(), refused: [] },
  ...fixedOnceStarted.map(([name, change, field]) => ({
    name: `once the job has started: ${name}`,
    before: changed({}),
    status: running,
    after: changed(change),
    refused: [field],
  })),
  {
    name: 'optional members that appear once the job has started',
    before: jobWith(),
    status: running,
    after: jobWith({ verify: {}, engine: {} }),
    refused: ['spec.verify', 'spec.engine'],
  },
];
