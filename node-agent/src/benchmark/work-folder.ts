import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

export interface SmallFiles {
  readonly smallFileCount: number;
  readonly smallFileBytes: number;
  readonly filesInDirectory: number;
}

/** The one folder that a benchmark writes to. It goes with everything in it when it is disposed of. */
export class WorkFolder implements Disposable {
  readonly path: Buffer;
  #nextNumber = 0;

  /** @throws NodeJS.ErrnoException when nothing can be made in `directory` */
  constructor(directory: Buffer) {
    this.path = Buffer.concat([directory, Buffer.from(`/.smartcopy-benchmark-${randomBytes(6).toString('hex')}`)]);
    mkdirSync(this.path, 0o700);
  }

  file(name: string): Buffer {
    return Buffer.concat([this.path, Buffer.from(`/${name}`)]);
  }

  /** A name that nothing has had yet. */
  newFile(): Buffer {
    this.#nextNumber += 1;
    return this.file(`copy-${this.#nextNumber}`);
  }

  remove(name: string): void {
    this.removePath(this.file(name));
  }

  removePath(path: Buffer): void {
    rmSync(path, { recursive: true, force: true });
  }

  async makeSmallFiles(name: string, { smallFileCount, smallFileBytes, filesInDirectory }: SmallFiles, signal: AbortSignal): Promise<void> {
    const content = Buffer.alloc(smallFileBytes, 0x5a);
    for (let made = 0; made < smallFileCount; made += 1) {
      const directory = `${name}/${Math.floor(made / filesInDirectory)}`;
      if (made % filesInDirectory === 0) {
        await setImmediate();
        signal.throwIfAborted();
        mkdirSync(this.file(directory), { recursive: true });
      }
      writeFileSync(this.file(`${directory}/${made}`), content);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
