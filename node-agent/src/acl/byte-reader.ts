import { SmartcopyError } from '../errors.ts';

/** Bytes that are no security descriptor, or a broken one. The message says what was looked for, and where. */
export class AclFormatError extends SmartcopyError {
  constructor(message: string, options?: ErrorOptions) {
    super('SC_ACL_FORMAT', message, options);
  }
}

/**
 * Little-endian numbers at checked places. Whoever may write a file may write any bytes into its attributes, so every offset and
 * length that they hold is looked at here before it is used.
 */
export class ByteReader {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.#bytes.length;
  }

  u8(offset: number, what: string): number {
    return this.bytes(offset, 1, what).readUInt8();
  }

  u16(offset: number, what: string): number {
    return this.bytes(offset, 2, what).readUInt16LE();
  }

  u32(offset: number, what: string): number {
    return this.bytes(offset, 4, what).readUInt32LE();
  }

  /** A view, not a copy. */
  bytes(offset: number, length: number, what: string): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.#bytes.length) {
      throw new AclFormatError(`${what}: ${length} bytes at ${offset} lie outside the ${this.#bytes.length} that there are`);
    }
    return this.#bytes.subarray(offset, offset + length);
  }

  /** A part of its own, whose offsets begin at 0. */
  part(offset: number, length: number, what: string): ByteReader {
    return new ByteReader(this.bytes(offset, length, what));
  }

  from(offset: number, what: string): ByteReader {
    return this.part(offset, this.length - offset, what);
  }
}
