import { binding } from './binding.ts';
import { NativeIoError, toNativeError } from './errors.ts';

/**
 * The value of one extended attribute; `undefined` where the file, or its file system, has none of that name.
 * @throws NativeIoError when it cannot be read
 */
export function readXattr(path: Uint8Array, name: string): Buffer | undefined {
  return ask(() => binding.readXattr(path, Buffer.from(name, 'latin1')), ['ENODATA', 'ENOTSUP', 'EOPNOTSUPP']);
}

/** Whether a file's file system keeps extended attributes of such a name at all. @throws NativeIoError when it cannot be asked */
export function answersXattr(path: Uint8Array, name: string): boolean {
  try {
    binding.readXattr(path, Buffer.from(name, 'latin1'));
    return true;
  } catch (error) {
    const known = toNativeError(error);
    if (known instanceof NativeIoError && known.errno === 'ENODATA') return true;
    if (known instanceof NativeIoError && ['ENOTSUP', 'EOPNOTSUPP'].includes(known.errno)) return false;
    throw known;
  }
}

function ask(call: () => Buffer, absent: readonly string[]): Buffer | undefined {
  try {
    return call();
  } catch (error) {
    const known = toNativeError(error);
    if (known instanceof NativeIoError && absent.includes(known.errno)) return undefined;
    throw known;
  }
}
