import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** The engine's own tests, in C++ under ASan and UBSan: each is a test here, in a process of its own. */
const engineTests = process.env.SMARTCOPY_ENGINE_TESTS;
const execute = promisify(execFile);

const notBuilt = 'NONE OF THE C++ TESTS RAN: engine_tests is not built here; install GoogleTest (libgtest-dev) and start npm test again';

test('the engine', { skip: engineTests === undefined && notBuilt, concurrency: 2 }, async (t) => {
  if (engineTests === undefined) return;
  const names = testNames(engineTests);
  assert.ok(names.length > 0, 'engine_tests holds tests');
  await Promise.all(names.map((name) => t.test(name, (one) => runOne(engineTests, name, one.skip.bind(one)))));
});

/** Reads what `--gtest_list_tests` prints: suites at the margin, their tests indented below, remarks after a #. */
function testNames(program: string): readonly string[] {
  let suite = '';
  const names: string[] = [];
  for (const line of execFileSync(program, ['--gtest_list_tests'], { encoding: 'utf8' }).split('\n')) {
    const [name = ''] = line.split('#');
    if (/^\S+\.\s*$/.test(name)) suite = name.trim();
    else if (name.startsWith('  ')) names.push(suite + name.trim());
  }
  return names;
}

async function runOne(program: string, name: string, skip: (reason: string) => void): Promise<void> {
  try {
    const { stdout } = await execute(program, [`--gtest_filter=${name}`], { maxBuffer: 64 * 1024 * 1024 });
    assert.match(stdout, /\[ {2}PASSED {2}\]/, `${name} did not run`);
    if (stdout.includes('[  SKIPPED ]')) skip(/Skipped\n(.*)/.exec(stdout)?.[1] ?? 'it says no reason');
  } catch (error) {
    assert.ok(error instanceof Error && 'stdout' in error && 'stderr' in error, String(error));
    assert.fail(`${name} failed:\n${error.stdout}${error.stderr}`);
  }
}
