import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../../test/support/chance.ts';
import { bytesNear } from '../../../test/support/made-text.ts';
import { escapeControls, escapePath, pathHex, shortenPath } from '../../src/engine/escape-path.ts';

const cases: readonly (readonly [name: string, bytes: Buffer, shown: string])[] = [
  ['a plain name', Buffer.from('data/run 42.txt'), 'data/run 42.txt'],
  ['letters of any language and emoji', Buffer.from('Übung/数据/👩‍🚀'), 'Übung/数据/👩‍🚀'],
  ['a newline', Buffer.from('two\nlines'), 'two\\nlines'],
  ['tab and return', Buffer.from('a\tb\rc'), 'a\\tb\\rc'],
  ['an escape sequence', Buffer.from('\x1b[31mred'), '\\x1b[31mred'],
  ['a control of the upper half', Buffer.from('a\u009b31m'), 'a\\xc2\\x9b31m'],
  ['delete', Buffer.from('a\x7f'), 'a\\x7f'],
  ['a mark that reverses the reading order', Buffer.from('photo\u202egpj.exe'), 'photo\\xe2\\x80\\xaegpj.exe'],
  ['a line separator', Buffer.from('a\u2028b'), 'a\\xe2\\x80\\xa8b'],
  ['an invisible byte order mark', Buffer.from('\ufeffa'), '\\xef\\xbb\\xbfa'],
  ['a backslash', Buffer.from('a\\nb'), 'a\\\\nb'],
  ['a lone byte', Buffer.from([0x61, 0xff, 0x62]), 'a\\xffb'],
  ['Latin-1 between UTF-8', Buffer.concat([Buffer.from('é'), Buffer.from([0xe9]), Buffer.from('é')]), 'é\\xe9é'],
  ['a character cut off at the end', Buffer.from([0x61, 0xe2, 0x82]), 'a\\xe2\\x82'],
  ['a surrogate in UTF-8, which UTF-8 does not allow', Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
  ['an overlong slash', Buffer.from([0xc0, 0xaf]), '\\xc0\\xaf'],
  ['nothing', Buffer.alloc(0), ''],
];

for (const [name, bytes, shown] of cases) {
  test(`${name} is shown safely, on one line`, () => assert.equal(escapePath(bytes), shown));
}

test('the bytes of any path can be got back from what is shown, which no terminal acts on', (t) => {
  const chance = chanceFor(t);
  const examples = cases.map(([, bytes]) => bytes);
  for (let round = 0; round < 2_000; round += 1) {
    const anything = Buffer.from(Array.from({ length: chance.index(40) }, () => chance.index(256)));
    for (const bytes of [anything, bytesNear(chance, examples)]) {
      const shown = escapePath(bytes);
      assert.deepEqual(readBack(shown), bytes);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u{FEFF}\u{FFFD}]/u);
      assert.ok(shown.isWellFormed());
      assert.equal(escapeControls(shown), shown);
      const hex = pathHex(bytes);
      if (hex !== undefined) assert.deepEqual(Buffer.from(hex, 'hex'), bytes);
    }
  }
  for (const [, bytes, shown] of cases) assert.deepEqual(readBack(shown), bytes);
});

test('any path can be shortened to any length, and stays text', (t) => {
  const chance = chanceFor(t);
  for (let round = 0; round < 5_000; round += 1) {
    const shown = escapePath(bytesNear(chance, [Buffer.from('start/😀😀😀😀/Übung/end'), ...cases.map(([, bytes]) => bytes)]));
    const length = 1 + chance.index(40);
    const shortened = shortenPath(shown, length);
    assert.ok(shortened.length <= length && shortened.isWellFormed(), JSON.stringify([shown, length, shortened]));
  }
});

test('raw bytes are given only where there is no text', () => {
  assert.equal(pathHex(Buffer.from('Übung')), undefined);
  assert.equal(pathHex(Buffer.from([0x61, 0xff])), '61ff');
});

test('a long path keeps its beginning and its end', () => {
  assert.equal(shortenPath('short', 5), 'short');
  assert.equal(shortenPath('0123456789', 7), '012…789');
  const shortened = shortenPath(`start${'😀'.repeat(300)}end`, 256);
  assert.ok(shortened.length <= 256);
  assert.ok(shortened.isWellFormed());
  assert.ok(shortened.startsWith('start') && shortened.endsWith('end'));
});

/** The other way round, written apart from the code it checks. */
function readBack(shown: string): Buffer {
  const parts: Buffer[] = [];
  for (const [text] of shown.matchAll(/\\x[0-9a-f]{2}|\\[nrt\\]|[^\\]/gu)) {
    if (text.startsWith('\\x')) parts.push(Buffer.from(text.slice(2), 'hex'));
    else if (text.startsWith('\\')) parts.push(Buffer.from({ '\\n': '\n', '\\r': '\r', '\\t': '\t', '\\\\': '\\' }[text] ?? '?'));
    else parts.push(Buffer.from(text));
  }
  return Buffer.concat(parts);
}
