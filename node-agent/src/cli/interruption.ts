import type { Screen } from './screen.ts';

/** Ctrl-C and SIGTERM, as two signals to abort by. */
export interface Interruption {
  /** Aborted by the first: end, and keep what is finished. */
  readonly end: AbortSignal;
  /** Aborted by the second: answer at once with what is known. */
  readonly abandon: AbortSignal;
}

/** Listens from now until the process exits, so that no signal ever has its default effect. The first is answered with a line. */
export function listenForInterruption(screen: Screen): Interruption {
  const end = new AbortController();
  const abandon = new AbortController();
  const listener = (): void => {
    if (end.signal.aborted) {
      abandon.abort();
    } else {
      screen.line('ending; what is finished is kept (once more to leave at once)');
      end.abort();
    }
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return { end: end.signal, abandon: abandon.signal };
}
