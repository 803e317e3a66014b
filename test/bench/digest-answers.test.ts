import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrongDigests, wrongVerification } from './digest-answers.ts';

const size = { fileCount: 1, bytes: 100 };

const verifications: readonly (readonly [what: string, stdout: string, wrong: RegExp | undefined])[] = [
  ['equal, and both trees read', '{"equal":true,"bytesRead":200}', undefined],
  ['nothing', '', /no answer/],
  ['words', 'equal\n', /no answer/],
  ['half a document', '{"equal":true}', /no answer/],
  ['different', '{"equal":false,"bytesRead":200}', /different/],
  ['equal, and only one tree read', '{"equal":true,"bytesRead":100}', /100 bytes/],
];

for (const [what, stdout, wrong] of verifications) {
  test(`a verification that says ${what} is ${wrong === undefined ? 'right' : 'wrong'}`, () => {
    const said = wrongVerification(stdout, size);
    if (wrong === undefined) assert.equal(said, undefined);
    else assert.match(said ?? '', wrong);
  });
}

const [one, other] = ['0'.repeat(32), '1'.repeat(64)];
const digests: readonly (readonly [what: string, stdout: string, wrong: RegExp | undefined])[] = [
  ['two lines of xxhsum', `${one}  a/0\n${one}  b/0\n`, undefined],
  ['two lines of openssl', `SHA2-256(a/0)= ${other}\nSHA2-256(b/0)= ${other}\n`, undefined],
  ['nothing', '', /0 digests/],
  ['one line', `${one}  a/0\n`, /1 digests/],
  ['three lines', `${one}  a/0\n`.repeat(3), /3 digests/],
  ['two lines that are no digests', 'a/0: no such file\n'.repeat(2), /0 digests/],
  ['two digests of equal files that differ', `${one}  a/0\n${'2'.repeat(32)}  b/0\n`, /differ/],
];

for (const [what, stdout, wrong] of digests) {
  test(`${what} ${wrong === undefined ? 'are the digests of a file and its copy' : 'are not'}`, () => {
    const said = wrongDigests(stdout, size);
    if (wrong === undefined) assert.equal(said, undefined);
    else assert.match(said ?? '', wrong);
  });
}
