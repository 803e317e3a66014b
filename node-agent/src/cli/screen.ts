import { escapeControls } from '../engine/escape-path.ts';

const eraseLine = '\r\x1b[K';

/**
 * What a person sees on stderr: lines, and below them, on a terminal, one line that is drawn over.
 * Owned by the command; used from its one thread.
 */
export class Screen {
  readonly #stream: NodeJS.WriteStream;
  #hasBar = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Whoever read our messages may leave (`| head`): the copy goes on and its exit status still tells.
    stream.on('error', ignoreClosedPipe);
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** A line that stays, in the name of the program. Whatever the text holds, it stays one line. */
  line(text: string): void {
    this.write(`smartcopy: ${escapeControls(text)}\n`);
  }

  /** Text that stays, as it is. */
  write(text: string): void {
    this.clearBar();
    this.#stream.write(text);
  }

  /** Draws the moving line; `draw` is told how many columns there are. */
  drawBar(draw: (columns: number) => string): void {
    this.#stream.write(`${eraseLine}${draw(this.#stream.columns ?? 80)}`);
    this.#hasBar = true;
  }

  clearBar(): void {
    if (this.#hasBar) this.#stream.write(eraseLine);
    this.#hasBar = false;
  }
}

/** Anything else that goes wrong with an output stream is an error like any other. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
