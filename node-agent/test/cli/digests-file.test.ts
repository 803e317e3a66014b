import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDigestsFile } from '../../src/cli/digests-file.ts';
import { temporaryDirectory } from './run-cli.ts';

/** Somebody changes what a name leads to after it was looked at, in the moment before it is opened. */
function meanwhile(act: () => void) {
  const never = new AbortController().signal;
  return {
    end: never,
    abandon: never,
    useFile: async <T>(_file: Buffer, use: () => T): Promise<T> => {
      act();
      return use();
    },
  };
}

const swaps: readonly (readonly [to: string, sentence: RegExp])[] = [
  ['src/sub/precious', /--digests .*\/digests lies below .*\/src, where it could take the place of a file/],
  ['dst/precious', /--digests .*\/digests lies below .*\/dst/],
  ['list', /--digests .*\/digests is the list of --files-from itself/],
];
for (const [to, sentence] of swaps) {
  test(`a link that leads to ${to} only when it is opened is refused too, and nothing is emptied`, async (t) => {
    const top = temporaryDirectory(t);
    mkdirSync(join(top, 'src/sub'), { recursive: true });
    mkdirSync(join(top, 'dst'));
    for (const path of ['src/sub/precious', 'dst/precious', 'list', 'harmless']) writeFileSync(join(top, path), 'precious');
    symlinkSync('harmless', join(top, 'digests'));
    symlinkSync(to, join(top, 'other'));
    const filesFromFd = openSync(join(top, 'list'), 'r');
    t.after(() => closeSync(filesFromFd));
    const places = { source: Buffer.from(join(top, 'src')), destination: Buffer.from(join(top, 'dst')), areFiles: false };
    const swap = meanwhile(() => renameSync(join(top, 'other'), join(top, 'digests')));
    await assert.rejects(openDigestsFile(Buffer.from(join(top, 'digests')), { places, filesFromFd }, swap), sentence);
    assert.equal(readFileSync(join(top, to), 'utf8'), 'precious');
  });
}

test('a file that is neither, also one that was renamed meanwhile, is emptied', async (t) => {
  const top = temporaryDirectory(t);
  mkdirSync(join(top, 'src'));
  writeFileSync(join(top, 'digests'), 'old');
  const places = { source: Buffer.from(join(top, 'src')), destination: Buffer.from(join(top, 'dst')), areFiles: false };
  const swap = meanwhile(() => {
    renameSync(join(top, 'digests'), join(top, 'older'));
    writeFileSync(join(top, 'digests'), 'new');
  });
  const { fd } = await openDigestsFile(Buffer.from(join(top, 'digests')), { places }, swap);
  closeSync(fd);
  assert.deepEqual([readFileSync(join(top, 'digests'), 'utf8'), readFileSync(join(top, 'older'), 'utf8')], ['', 'old']);
});
