import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../../test/support/chance.ts';
import { oneOf, textNear } from '../../../test/support/made-text.ts';
import { settleOptionalValues } from '../../src/cli/arguments.ts';
import { defineCopy, parseCommandLine } from '../../src/cli/command-line.ts';
import { type CopyOptions, parseCopyOptions } from '../../src/cli/copy-options.ts';
import { defaultPreserve } from '../../src/engine/defaults.ts';
import { InputError } from '../../src/errors.ts';

/** Everything is left to the plan. */
const automatic = { numa: 'Auto', networkOptimized: false } as const;

function optionsOf(line: string): CopyOptions {
  const parsed = parseCommandLine(defineCopy('0.0.0'), settleOptionalValues(`${line} SRC DST`.trim().split(/\s+/)));
  assert.ok(parsed.kind === 'Given');
  assert.deepEqual(parsed.operands, ['SRC', 'DST']);
  return parseCopyOptions(parsed.options);
}

test('without options everything is copied, at no limit, with no promise after a power loss', () => {
  assert.deepEqual(optionsOf(''), {
    engine: automatic,
    update: 'Always',
    durability: 'None',
    choices: {
      selection: { include: [], exclude: [] },
      ordering: 'Auto',
      symlinks: 'Preserve',
      onConflict: 'Overwrite',
      atomic: 'Replace',
      dryRun: false,
      oneFileSystem: false,
      retries: 3,
    },
    filesFrom: undefined,
    io: 'Auto',
    directIo: 'Auto',
    sparse: 'Auto',
    integrity: { verify: 'None' },
    digestsFile: undefined,
    limitBytesPerSecond: undefined,
    preserve: defaultPreserve,
    progress: false,
    json: false,
    verbosity: 'Normal',
  });
});

const meanings: readonly (readonly [line: string, expected: Partial<CopyOptions>])[] = [
  ['-t 4', { engine: { ...automatic, threadCount: 4 } }],
  ['-t4', { engine: { ...automatic, threadCount: 4 } }],
  ['--threads=256', { engine: { ...automatic, threadCount: 256 } }],
  ['--threads 0', { engine: automatic }],
  ['--numa off', { engine: { ...automatic, numa: 'Off' } }],
  ['--network-optimized', { engine: { ...automatic, networkOptimized: true } }],
  ['-b 64K', { engine: { ...automatic, bufferBytes: 65_536 } }],
  ['--buffer-size 1G', { engine: { ...automatic, bufferBytes: 1024 ** 3 } }],
  ['-i', { update: 'IfDifferent' }],
  ['--incremental', { update: 'IfDifferent' }],
  ['--update if-different', { update: 'IfDifferent' }],
  ['--update always', { update: 'Always' }],
  ['-i --update if-different', { update: 'IfDifferent' }],
  ['--durability batch', { durability: 'Batch' }],
  ['--durability file', { durability: 'File' }],
  ['--io posix', { io: 'Posix' }],
  ['--io uring --direct-io', { io: 'IoUring', directIo: 'Always' }],
  ['--io=mmap --no-direct-io', { io: 'Mmap', directIo: 'Never' }],
  ['--sparse', { sparse: 'Auto' }],
  ['--sparse always', { sparse: 'Always' }],
  ['--sparse never', { sparse: 'Never' }],
  ['--verify', { integrity: { digest: 'XXH3', verify: 'Readback' } }],
  ['--verify sha256', { integrity: { digest: 'SHA256', verify: 'Readback' } }],
  ['--verify xxhash64 --verify-level media', { integrity: { digest: 'XXH64', verify: 'Media' } }],
  ['--verify-level media', { integrity: { digest: 'XXH3', verify: 'Media' } }],
  ['--verify blake3', { integrity: { digest: 'BLAKE3', verify: 'Readback' } }],
  ['--verify xxh3 --verify-level source', { integrity: { digest: 'XXH3', verify: 'Source' } }],
  ['--verify-level readback', { integrity: { digest: 'XXH3', verify: 'Readback' } }],
  ['--digests out', { digestsFile: Buffer.from('out'), integrity: { digest: 'XXH3', verify: 'Source' } }],
  ['--digests out --verify blake3', { digestsFile: Buffer.from('out'), integrity: { digest: 'BLAKE3', verify: 'Readback' } }],
  ['--bandwidth-limit 100M', { limitBytesPerSecond: 100 * 1024 ** 2 }],
  ['--no-preserve times', { preserve: { ...defaultPreserve, times: false } }],
  ['--no-preserve=owner,special-files', { preserve: { ...defaultPreserve, owner: false, specialFiles: false } }],
  ['--no-preserve owner --no-preserve=mode,times', { preserve: { ...defaultPreserve, owner: false, mode: false, times: false } }],
  ['--preserve-strict --preserve-acl --preserve-owner', { preserve: { ...defaultPreserve, strict: true } }],
  ['--preserve-acl --no-preserve owner', { preserve: { ...defaultPreserve, owner: false } }],
  ['-pv', { progress: true, verbosity: 'Verbose' }],
  ['-q --json', { verbosity: 'Quiet', json: true }],
];
for (const [line, expected] of meanings) {
  test(`${line} means ${JSON.stringify(expected)}`, () => {
    const options = optionsOf(line);
    assert.deepEqual({ ...options, ...expected }, options);
  });
}

const refusals: readonly (readonly [line: string, sentence: RegExp])[] = [
  ['-t -1', /--threads takes a whole number from 0 .* not '-1'/],
  ['-t 257', /--threads/],
  ['-t 1.5', /--threads/],
  ['-b 4095', /--buffer-size takes 4K to 1G, such as 1M, not '4095'/],
  ['-b 1025M', /--buffer-size/],
  ['-b big', /--buffer-size/],
  ['--bandwidth-limit 0', /would let nothing move/],
  ['--bandwidth-limit 0.0K', /0 would let nothing move/],
  ['--bandwidth-limit 0.5', /--bandwidth-limit 0\.5 is less than one byte per second; give at least 1/],
  ['--bandwidth-limit 1KB', /--bandwidth-limit takes bytes per second/],
  ['--verify=md5', /--verify takes xxhash3, xxhash64, blake3 or sha256, not 'md5'/],
  ['--verify-level deep', /--verify-level.*source, readback, media/],
  ['--io iouring', /--io.*auto, posix, uring, mmap/],
  ['--io mmap --direct-io', /--direct-io goes past the page cache, which --io mmap needs; give one/],
  ['--sparse=sometimes', /--sparse takes auto, always or never, not 'sometimes'/],
  ['--update never', /--update/],
  ['--durability always', /--durability/],
  ['-i --update always', /opposite/],
  ['-q -v', /cannot be used with/],
  ['-q -p', /cannot be used with/],
  ['--no-preserve everything', /--no-preserve takes a list of owner, mode, .*, not 'everything'/],
  ['--no-preserve=', /--no-preserve takes a list .* not ''/],
  ['--no-preserve toString', /--no-preserve takes a list/],
  ['--preserve-acl --no-preserve mode,acls', /opposite/],
  ['--preserve-owner --no-preserve owner', /opposite/],
  ['--digests -', /\.\/-/],
  ['--delete-extra', /unknown option '--delete-extra'/],
  ['third', /too many arguments/],
];
for (const [line, sentence] of refusals) {
  test(`${line} is refused with a sentence`, () => {
    assert.throws(
      () => optionsOf(line),
      (error: unknown) => error instanceof InputError && sentence.test(error.message) && !error.message.includes('\n'),
    );
  });
}

test('one message names everything that is wrong', () => {
  assert.throws(() => optionsOf('-t x -b y'), /--threads.*--buffer-size/);
});

test('any words of any options are options in their bounds, or refused in a sentence', (t) => {
  const chance = chanceFor(t);
  const examples: Readonly<Record<string, readonly string[]>> = {
    '--threads': ['0', '4', '256', '257', '-1', '1e2'],
    '--buffer-size': ['4K', '1M', '1G', '3K', '2G'],
    '--bandwidth-limit': ['0', '500K', '1.5M'],
    '--min-size': ['0', '1K'],
    '--max-size': ['1G', '0.5K'],
    '--retries': ['0', '100', '101'],
    '--ordering': ['path', 'auto', 'constructor'],
    '--verify': ['blake3', 'sha256', 'toString'],
    '--sparse': ['always', 'never'],
    '--no-preserve': ['owner,mode', 'acls', '__proto__'],
    '--include': ['a/**/b*', '{a,b{c,d}}[!x]?'],
    '--exclude': ['*.tmp', 'docs/', '[a-'],
    '--digests': ['-', 'sums'],
  };
  const isIn = (value: number | undefined, least: number, most: number): boolean =>
    value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most);
  let takenCount = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const given = Array.from({ length: 1 + chance.index(3) }, () => {
      const [option, words] = oneOf(chance, Object.entries(examples));
      // An argument is bytes, read as Latin-1, and ends at its first NUL.
      return `${option}=${Buffer.from(textNear(chance, words)).toString('latin1').replaceAll('\0', '')}`;
    });
    try {
      const parsed = parseCommandLine(defineCopy('0.0.0'), settleOptionalValues([...given, 'SRC', 'DST']));
      assert.ok(parsed.kind === 'Given');
      const { engine, choices, limitBytesPerSecond } = parseCopyOptions(parsed.options);
      assert.ok(isIn(engine.threadCount, 1, 256) && isIn(engine.bufferBytes, 4096, 1024 ** 3), JSON.stringify([given, engine]));
      assert.ok(isIn(limitBytesPerSecond, 1, Number.MAX_SAFE_INTEGER) && isIn(choices.retries, 0, 100), JSON.stringify(given));
      const { minBytes = 0, maxBytes = Number.MAX_SAFE_INTEGER } = choices.selection;
      assert.ok(minBytes <= maxBytes, JSON.stringify(given));
      takenCount += 1;
    } catch (error) {
      assert.ok(error instanceof InputError && error.message !== '', `${JSON.stringify(given)}: ${error}`);
    }
  }
  assert.ok(takenCount > 200, `only ${takenCount} were taken`);
});
