import { writeSync } from 'node:fs';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import type { Screen } from './screen.ts';

const standardOutput = 1;
const retryMs = 5; // Short beside the time in which anybody reads a pipe that is full.

/**
 * Writes the answer of a command to standard output, whole. Not by process.stdout, which tells of a full disk only when the process
 * has already said that all went well.
 * @returns the exit status that was due; where that was `done` and the answer is lost, `failed`, with a sentence on the screen
 */
export function deliverAnswer(text: string, due: ExitStatus, screen: Screen): ExitStatus {
  try {
    writeWhole(Buffer.from(text));
    return due;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    screen.line(`the answer could not be written to standard output: ${error.code}`);
    return due === exitStatus.done ? exitStatus.failed : due;
  }
}

/**
 * Writes lines of a listing to standard output as they come. When that is lost (a full disk, a reader that has left) it says so once,
 * and is asked for no more.
 */
export class Listing {
  readonly #screen: Screen;
  #isLost = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  write(lines: Buffer): void {
    if (this.#isLost) return;
    this.#screen.clearBar(); // On a terminal both are seen in one place.
    try {
      writeWhole(lines);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      this.#isLost = true;
      this.#screen.line(`the list could not be written to standard output: ${error.code}`);
    }
  }
}

function writeWhole(bytes: Buffer): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(standardOutput, bytes, written);
    } catch (error) {
      // Somebody who shares the pipe or terminal has made it non-blocking, and it is full.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(sleeper, 0, 0, retryMs);
    }
  }
}
