import { closeSync, openSync, readSync } from 'node:fs';

const pieceBytes = 1024 * 1024;
const pieces = [Buffer.allocUnsafe(pieceBytes), Buffer.allocUnsafe(pieceBytes)] as const;

/** Whether two regular files hold the same bytes; read in pieces, so of any size. */
export function sameContent(one: string | Buffer, other: string | Buffer): boolean {
  using first = openFile(one);
  using second = openFile(other);
  for (;;) {
    const bytes = readPiece(first.fd, pieces[0]);
    if (!bytes.equals(readPiece(second.fd, pieces[1]))) return false;
    if (bytes.length < pieceBytes) return true;
  }
}

function openFile(path: string | Buffer): Disposable & { readonly fd: number } {
  const fd = openSync(path, 'r');
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

/** As much as fits, or up to the end of the file. */
function readPiece(fd: number, into: Buffer): Buffer {
  let length = 0;
  for (let got = -1; got !== 0 && length < into.length; length += got) got = readSync(fd, into, length, into.length - length, null);
  return into.subarray(0, length);
}
