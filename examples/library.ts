// The engine in a program of your own: node examples/library.ts SRC DST
import process from 'node:process';
import { CopyError, copy, Engine, InputError } from 'smartcopy';

const [source, destination] = process.argv.slice(2);
if (source === undefined || destination === undefined) {
  console.error('node examples/library.ts SRC DST');
  process.exit(2);
}

// Ctrl-C ends the copy in good order: finished files stay, unfinished ones are removed.
const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort(new Error('interrupted')));

const selection = { exclude: ['*.tmp'] };

try {
  // What there is to do, without doing it.
  const { plannedBytes } = await copy(source, destination, { dryRun: true, selection });
  console.error(`${plannedBytes} bytes to copy`);

  // The short way: to the end, and every byte read back.
  const { counters } = await copy(source, destination, { selection, verify: { algorithm: 'XXH3' }, signal: interruption.signal });
  console.log(`${counters.filesDone} files copied, ${counters.bytesVerified} bytes read back and found equal`);

  // The same settings for many copies, with progress, and a limit that changes meanwhile.
  const engine = new Engine({ selection, update: 'IfDifferent', limitBytesPerSecond: 100_000_000, signal: interruption.signal });
  const running = engine.start(source, destination);
  for await (const { bytesDone, bytesTotal, filesUnchanged } of running.progress()) {
    console.log(`${bytesDone} of ${bytesTotal} bytes, ${filesUnchanged} files equal already`);
    running.limit(undefined);
  }
  console.log((await running.report).phase);
} catch (error) {
  if (error instanceof InputError) console.error(`wrong use: ${error.message}`);
  else if (error instanceof CopyError) console.error(error.message, error.report.errors);
  else throw error;
  process.exitCode = 1;
}
