import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

const blockBytes = 1024 ** 2;
/** Every device that is known takes blocks and addresses that are multiples of this. */
const alignment = 4096;
/** Between two looks at the signal. */
const blocksBetweenLooks = 64;

interface Writing {
  readonly length: number;
  readonly isDirect: boolean;
  /** Needed for direct I/O, see directBuffer. */
  readonly buffer?: Buffer;
}

/** Writes a new file from its beginning to its end, and waits until the device has it. */
export async function writeSequentially(path: Buffer, { length, isDirect, buffer = block() }: Writing, signal: AbortSignal): Promise<void> {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (isDirect ? constants.O_DIRECT : 0), 0o600);
  try {
    for (let written = 0, count = 0; written < length; count += 1) {
      written += writeSync(fd, buffer, 0, Math.min(buffer.length, length - written));
      await lookAt(signal, count);
    }
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads a file to its end. */
export async function readSequentially(
  path: Buffer,
  { isDirect, buffer = block() }: Omit<Writing, 'length'>,
  signal: AbortSignal,
): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | (isDirect ? constants.O_DIRECT : 0));
  try {
    for (let count = 0; readSync(fd, buffer, 0, buffer.length, null) > 0; count += 1) await lookAt(signal, count);
  } finally {
    closeSync(fd);
  }
}

/**
 * A buffer that direct I/O takes. JavaScript does not know where its memory lies, so the kernel is asked: the first offset at which it
 * takes a write is aligned. `undefined` where it takes none: the file system knows no direct I/O.
 * @param path a file that is made for the question
 */
export function directBuffer(path: Buffer): Buffer | undefined {
  const memory = Buffer.allocUnsafeSlow(blockBytes + alignment).fill(0x5a);
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_DIRECT, 0o600);
  } catch {
    return undefined; // The one question that this is; whatever the answer, direct I/O is not to be had.
  }
  try {
    for (let offset = 0; offset < alignment; offset += 16) {
      const candidate = memory.subarray(offset, offset + blockBytes);
      if (takes(fd, candidate)) return candidate;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function takes(fd: number, buffer: Buffer): boolean {
  try {
    return writeSync(fd, buffer, 0, alignment, 0) > 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return false;
    throw error;
  }
}

function block(): Buffer {
  return Buffer.alloc(blockBytes, 0x5a);
}

async function lookAt(signal: AbortSignal, count: number): Promise<void> {
  if (count % blocksBetweenLooks !== 0) return;
  await setImmediate();
  signal.throwIfAborted();
}
