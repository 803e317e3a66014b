import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';

/**
 * A directory held open, whose entries are named by bytes and reached through its descriptor: neither the length of its path
 * nor the bytes of a name matter. Owned by whoever opened it.
 */
export class HeldDirectory implements Disposable {
  readonly #fd: number;

  private constructor(path: string | Buffer) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  static open(path: string): HeldDirectory {
    return new HeldDirectory(path);
  }

  /** A path for node:fs that is valid while this is open. */
  pathOf(name: string | Buffer): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), Buffer.from(name)]);
  }

  openDirectory(name: string | Buffer): HeldDirectory {
    return new HeldDirectory(this.pathOf(name));
  }

  names(): readonly Buffer[] {
    return readdirSync(this.pathOf('.'), { encoding: 'buffer' });
  }

  stat(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /** Undefined for a name that is not there. Of a link itself, not of what it leads to. */
  statOf(name: Buffer): BigIntStats | undefined {
    return lstatSync(this.pathOf(name), { bigint: true, throwIfNoEntry: false });
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
