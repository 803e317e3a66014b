import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { bringNativeBuild, placeOf, threadTests } from './native-build.mjs';

/** `npm run test:tsan [TEST...]`: the engine's tests in which threads meet, under the thread sanitizer. */
const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const meetingThreads = ['TreeCopy.*', 'LargeFiles.*', 'SourceChanged.*', 'BugFixes.*', 'FaultStorm.*'];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : meetingThreads;

await bringNativeBuild(repository, threadTests);
const { status } = spawnSync(placeOf(repository, threadTests), [`--gtest_filter=${chosen.join(':')}`, '--gtest_brief=1'], {
  stdio: 'inherit',
  // The first report ends the run: what comes after it is often its consequence.
  env: { TSAN_OPTIONS: 'halt_on_error=1', ...process.env },
});
process.exitCode = status ?? 1;
