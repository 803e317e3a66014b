import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mainPath, runCli, startProgram } from './run-cli.ts';

// Refuses to load what takes time to load: the help and the version must not need it.
const refuseHeavy = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (/^(zod|yaml|@smartcopy)/.test(specifier)) throw new Error('loaded ' + specifier);
      return next(specifier, context);
    },
  });
`)}`;

const answers: readonly (readonly [given: string, answer: RegExp])[] = [
  ['--version', /^smartcopy \d+\.\d+\.\d+\n$/],
  ['-V', /^smartcopy \d+\.\d+\.\d+\n$/],
  ['--help', /^Usage: smartcopy \[options\] SRC DST\n[\s\S]*--verify-level[\s\S]*130 /],
  ['-h', /^Usage: smartcopy \[options\] SRC DST\n/],
  ['help', /^Usage: smartcopy \[options\] SRC DST\n/],
  ['run --help', /^Usage: smartcopy run \[options\] FILE\n/],
  ['help run', /^Usage: smartcopy run \[options\] FILE\n/],
  ['analyze --help', /^Usage: smartcopy analyze \[options\] \[PATH\.\.\.\]\n/],
];
for (const [given, answer] of answers) {
  test(`smartcopy ${given} answers without loading anything heavy`, async () => {
    const { status, stdout, stderr } = await startProgram(process.execPath, ['--import', refuseHeavy, mainPath, ...given.split(' ')])
      .result;
    assert.equal(stderr, '');
    assert.match(stdout, answer);
    assert.equal(status, 0);
  });
}

test('the check for heavy modules notices one', async () => {
  const { stderr } = await startProgram(process.execPath, ['--import', refuseHeavy, mainPath, 'src', 'dst']).result;
  assert.match(stderr, /loaded (zod|@smartcopy)/);
});

for (const given of ['--version', '--help']) {
  test(`smartcopy ${given} answers within a quarter of a second`, async () => {
    const times: number[] = [];
    // The best of up to ten: other tests run at the same time.
    while (times.length < 10 && !(Math.min(...times) < 250)) {
      const startedAt = performance.now();
      await runCli([given]);
      times.push(performance.now() - startedAt);
    }
    assert.ok(Math.min(...times) < 250, `${times.map(Math.round)} ms`);
  });
}
