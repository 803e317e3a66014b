/**
 * A text of others as part of a message: one line, nothing that could disturb a terminal, and at most so many bytes of UTF-8.
 * @param maxBytes at least 3
 */
export function oneLine(text: string, maxBytes: number): string {
  const line = text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  if (Buffer.byteLength(line) <= maxBytes) return line;
  const bytes = Buffer.from(line).subarray(0, maxBytes - Buffer.byteLength(ellipsis));
  // A character that was cut in two is dropped.
  return `${new TextDecoder('utf-8', { fatal: false }).decode(bytes).replace(/\uFFFD$/, '')}${ellipsis}`;
}

const ellipsis = '…';
