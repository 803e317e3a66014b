// What a terminal or a log would act on instead of showing: controls, line separators, marks that reverse the reading order
// (they make `gpj.exe` look like `exe.jpg`), and the invisible byte order mark.
const hidden = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u{FEFF}]/u;
const needsEscape = new RegExp(`\\\\|${hidden.source}`, 'u');
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A path as one safe line of text. What would not show as itself is written as its bytes (`\x1b`), a newline, return or tab as `\n`,
 * `\r`, `\t`, a backslash as `\\`. No two paths look the same, and the bytes can be got back.
 */
export function escapePath(path: Uint8Array): string {
  const whole = decode(path);
  if (whole !== undefined && !needsEscape.test(whole)) return whole;
  let text = '';
  for (let index = 0; index < path.length; ) {
    const character = path.subarray(index, index + characterLength(path, index));
    text += escapeCharacter(character);
    index += character.length;
  }
  return text;
}

/** The same for text that has been put together already: only what a terminal would act on is written as its bytes. */
export function escapeControls(text: string): string {
  return text.replace(new RegExp(hidden.source, 'gu'), (character) => hexBytes(Buffer.from(character)));
}

/** The bytes in hexadecimal, where they are no UTF-8 and so cannot be given as text; else `undefined`. */
export function pathHex(path: Uint8Array): string | undefined {
  return decode(path) === undefined ? Buffer.from(path).toString('hex') : undefined;
}

/**
 * Shortens an escaped path to `maxLength` UTF-16 units by leaving out its middle: the beginning says where, the end says what.
 * An escape may be cut; whoever needs every byte has the failure log.
 */
export function shortenPath(escaped: string, maxLength: number): string {
  if (escaped.length <= maxLength) return escaped;
  const kept = maxLength - 1;
  const head = escaped.slice(0, Math.ceil(kept / 2)).replace(/[\uD800-\uDBFF]$/u, '');
  const tail = escaped.slice(escaped.length - Math.floor(kept / 2)).replace(/^[\uDC00-\uDFFF]/u, '');
  return `${head}…${tail}`;
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function escapeCharacter(bytes: Uint8Array): string {
  const character = decode(bytes);
  if (character === undefined) return hexBytes(bytes);
  return named[character] ?? (hidden.test(character) ? hexBytes(bytes) : character);
}

/** How many bytes the character at `index` has; 1 for a byte that begins none, so that it is escaped alone. */
function characterLength(bytes: Uint8Array, index: number): number {
  const first = bytes[index] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return decode(bytes.subarray(index, index + length)) === undefined ? 1 : length;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // The decoder's only way to say: not UTF-8.
  }
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
