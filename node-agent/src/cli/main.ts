import { listenForInterruption } from './interruption.ts';
import { Screen } from './screen.ts';

// Before anything else is loaded, so that a signal to a program that is still starting has its answer too.
const screen = new Screen(process.stderr);
const interruption = listenForInterruption(screen);

const { dispatch } = await import('./dispatch.ts');
// exit() and not exitCode: after a second Ctrl-C the engine may still be ending. All output is written by then.
process.exit(await dispatch({ screen, interruption }));
