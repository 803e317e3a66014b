import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '@smartcopy/native';
import { describeFailure } from '../../src/cli/describe-failure.ts';

const places = { source: Buffer.from('/data/src'), destination: Buffer.from('dst/'), areFiles: false };

const failures: readonly (readonly [failure: Omit<Failure, 'refused'>, sentence: string])[] = [
  [
    { reason: 'PermissionDenied', side: 'source', path: Buffer.from('a/b'), errno: 'EACCES', syscall: 'openat' },
    '/data/src/a/b: permission denied (openat: EACCES)',
  ],
  [
    { reason: 'NoSpace', side: 'destination', path: Buffer.from('big'), errno: 'ENOSPC', syscall: 'pwrite', offsetBytes: 4096 },
    'dst/big: no space is left on the file system (pwrite: ENOSPC at byte 4096)',
  ],
  [
    { reason: 'PermissionDenied', side: 'source', path: Buffer.alloc(0), errno: 'EACCES', syscall: 'openat' },
    '/data/src: permission denied (openat: EACCES)',
  ],
  [
    { reason: 'SourceChanged', side: 'source', path: Buffer.from('log') },
    '/data/src/log: it changed while it was copied; copy it again when nothing writes to it',
  ],
  [
    { reason: 'NameTooLong', side: 'destination', path: Buffer.from('x\ny\xff', 'latin1'), errno: 'ENAMETOOLONG', syscall: 'openat' },
    'dst/x\\ny\\xff: its name is longer than the file system allows (openat: ENAMETOOLONG)',
  ],
];
for (const [failure, sentence] of failures) {
  test(`a failure reads: ${sentence}`, () => assert.equal(describeFailure({ ...failure, refused: false }, places), sentence));
}

test('a failure of a single file names the file and its copy as they were given', () => {
  const failure: Failure = {
    reason: 'NoSpace',
    side: 'destination',
    path: Buffer.from('big'),
    errno: 'ENOSPC',
    syscall: 'pwrite',
    refused: false,
  };
  const one = { source: Buffer.from('src/big'), destination: Buffer.from('full/big'), areFiles: true };
  assert.equal(describeFailure(failure, one), 'full/big: no space is left on the file system (pwrite: ENOSPC)');
});
