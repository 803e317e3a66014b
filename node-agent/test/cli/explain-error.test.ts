import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { NativeError, NativeIoError, RefusedError } from '@smartcopy/native';
import { explainError } from '../../src/cli/explain-error.ts';
import { InputError } from '../../src/errors.ts';

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  assert.fail('it threw nothing');
}

const notStarted = new NativeIoError('openat2: ENOSYS', { errno: 'ENOSYS', syscall: 'openat2', path: Buffer.from('a\nb') });
const readOnly = new NativeIoError('mkdirat: EROFS', { errno: 'EROFS', syscall: 'mkdirat', path: Buffer.from('/mnt/dst') });
const inMemory = new NativeIoError('fstatfs: EOPNOTSUPP', { errno: 'EOPNOTSUPP', syscall: 'fstatfs', path: Buffer.from('/dev/shm') });
const cases: readonly (readonly [name: string, error: unknown, status: number, reason: string, sentence: RegExp])[] = [
  ['bad input', new InputError('write it otherwise'), 2, 'InvalidInput', /^write it otherwise$/],
  ['a file onto itself', new RefusedError('SameFile', 'they are the same'), 3, 'SameFile', /^refused: they are the same$/],
  ['a tree into itself', new RefusedError('DestinationInsideSource', 'inside'), 3, 'DestinationInsideSource', /^refused: inside$/],
  ['a kernel that is too old', notStarted, 1, 'NotStarted', /^nothing was copied: a\\nb: openat2: ENOSYS; .* since 5\.6$/],
  [
    'a destination that cannot be made',
    readOnly,
    1,
    'ReadOnlyFileSystem',
    /^nothing was copied: \/mnt\/dst: the file system is read-only \(mkdirat: EROFS\)$/,
  ],
  [
    'a destination without a medium',
    inMemory,
    1,
    'MediaNotOffered',
    /^nothing was copied: \/dev\/shm: .*, so there is no medium to verify; use level readback \(fstatfs: EOPNOTSUPP\)$/,
  ],
  [
    'a digest that this Node cannot compute',
    new NativeError('SC_NATIVE_DIGEST', 'no OpenSSL'),
    1,
    'DigestNotOffered',
    /^nothing was copied: no OpenSSL$/,
  ],
  ['an answer of the system', thrownBy(() => realpathSync.native('/no/such')), 1, 'SystemError', /ENOENT.*\/no\/such/],
  [
    'an addon that is not built',
    thrownBy(() => process.getBuiltinModule('module').createRequire('/')('./no.node')),
    1,
    'NotSetUp',
    /no\.node.*launcher/,
  ],
  ['something that is no error', 'text', 1, 'InternalError', /text/],
];
for (const [name, error, status, reason, sentence] of cases) {
  test(`${name} is explained in a sentence`, () => {
    const explanation = explainError(error);
    assert.deepEqual([explanation.status, explanation.reason, explanation.details], [status, reason, undefined]);
    assert.match(explanation.sentence, sentence);
    assert.ok(!explanation.sentence.includes('\n'));
  });
}

test('only a mistake of our own shows where it happened', () => {
  const explanation = explainError(new TypeError('x is not a function'));
  assert.deepEqual([explanation.status, explanation.reason], [1, 'InternalError']);
  assert.match(explanation.details ?? '', /explain-error\.test\.ts/);
});
