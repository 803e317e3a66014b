import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdir, cwd } from 'node:process';
import { after, before, describe, test } from 'node:test';
import { locateLocalEnds } from '../../src/engine/local-paths.ts';
import { InputError } from '../../src/errors.ts';

describe('the two ends of a local copy', () => {
  const startedIn = cwd();
  const top = mkdtempSync(join(tmpdir(), 'smartcopy-paths-'));

  before(() => {
    mkdirSync(join(top, 'dir/sub'), { recursive: true });
    mkdirSync(join(top, 'other'));
    mkdirSync(join(top, 'holder/file'), { recursive: true });
    writeFileSync(join(top, 'file'), 'x');
    writeFileSync(join(top, 'dir/inner'), 'y');
    symlinkSync('dir', join(top, 'dirlink'));
    symlinkSync('file', join(top, 'filelink'));
    symlinkSync('nowhere', join(top, 'dangling'));
    linkSync(join(top, 'file'), join(top, 'hardlink'));
    chdir(top);
  });
  after(() => {
    chdir(startedIn);
    rmSync(top, { recursive: true });
  });

  // Roots are written relative to the temporary directory here; `locate` returns them absolute.
  const cases: readonly (readonly [source: string, destination: string, sourceAt: string, destinationAt: string])[] = [
    ['dir', 'other', 'dir :', 'other :'],
    ['dir/', 'other/', 'dir :', 'other :'],
    ['dir', 'new', 'dir :', '. : new'],
    ['dir', 'new/', 'dir :', '. : new'],
    ['dir', 'new/deep//er/.', 'dir :', '. : new/deep/er'],
    ['dir', 'other/new', 'dir :', 'other : new'],
    ['dir', 'other/../new', 'dir :', '. : new'],
    ['dirlink', 'new', 'dir :', '. : new'],
    ['dir', 'dirlink', 'dir :', 'dir :'],
    ['dir', 'dirlink/new', 'dir :', 'dir : new'],
    ['.', 'other/new', '. :', 'other : new'],
    ['file', 'new', '. : file', '. : new'],
    ['file', 'new/', '. : file', '. : new/file'],
    ['file', 'new/deep', '. : file', '. : new/deep'],
    ['file', 'other', '. : file', 'other : file'],
    ['file', 'other/', '. : file', 'other : file'],
    ['file', '.', '. : file', '. : file'],
    ['file', 'dirlink', '. : file', 'dir : file'],
    ['file', 'dir/inner', '. : file', 'dir : inner'],
    ['dir/../file', 'new', '. : file', '. : new'],
    ['filelink', 'new', '. : file', '. : new'],
    ['filelink', 'other', '. : file', 'other : filelink'],
    // A link in the destination's place is replaced by name, not written through: except to the source itself, which the engine must see.
    ['dir/inner', 'filelink', 'dir : inner', '. : filelink'],
    ['dir/inner', 'dangling', 'dir : inner', '. : dangling'],
    ['file', 'filelink', '. : file', '. : file'],
    ['file', 'file', '. : file', '. : file'],
    ['file', 'hardlink', '. : file', '. : hardlink'],
  ];
  for (const [source, destination, sourceAt, destinationAt] of cases) {
    test(`${source} to ${destination} is ${sourceAt} to ${destinationAt}`, () => {
      const ends = locateLocalEnds(Buffer.from(source), Buffer.from(destination));
      const show = ({ root, path }: { root: Uint8Array; path: Uint8Array }): string => {
        const below = Buffer.from(root)
          .toString()
          .slice(top.length + 1);
        return `${below === '' ? '.' : below} : ${Buffer.from(path)}`.trimEnd();
      };
      assert.deepEqual([show(ends.source), show(ends.destination)], [sourceAt, destinationAt]);
    });
  }

  const refusals: readonly (readonly [source: string, destination: string, sentence: RegExp])[] = [
    ['missing', 'new', /the source missing does not exist/],
    ['dangling', 'new', /the source dangling does not exist: it is a link to nothing/],
    ['file/', 'new', /the source file\/ does not exist/],
    ['', 'new', /the source is an empty name/],
    ['dir', '', /the destination is an empty name/],
    ['dir', 'file', /file is not a directory/],
    ['dir', 'file/new', /file is not a directory/],
    ['file', 'dir/inner/', /dir\/inner is not a directory/],
    ['file', 'holder', /holder\/file is a directory, so a file cannot take its place/],
    ['dir', 'missing/../new', /goes back with \.\./],
    ['dir', 'x'.repeat(300), /ENAMETOOLONG/],
  ];
  for (const [source, destination, sentence] of refusals) {
    test(`${source || 'nothing'} to ${destination.slice(0, 30) || 'nothing'} is refused with a sentence`, () => {
      assert.throws(
        () => locateLocalEnds(Buffer.from(source), Buffer.from(destination)),
        (error: unknown) => error instanceof InputError && sentence.test(error.message),
      );
    });
  }

  test('names that are no UTF-8 arrive with every byte', () => {
    const odd = Buffer.concat([Buffer.from(`${top}/odd`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(odd, 'z');
    const ends = locateLocalEnds(odd, Buffer.concat([Buffer.from('new/'), Buffer.from([0x80]), Buffer.from('/')]));
    assert.deepEqual(Buffer.from(ends.source.path), Buffer.from([0x6f, 0x64, 0x64, 0xff, 0xfe]));
    assert.deepEqual(
      Buffer.from(ends.destination.path),
      Buffer.concat([Buffer.from('new/'), Buffer.from([0x80]), Buffer.from('/odd'), Buffer.from([0xff, 0xfe])]),
    );
  });
});
