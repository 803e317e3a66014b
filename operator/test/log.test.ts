import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What a logger of its own process writes for an object. */
async function logged(object: object): Promise<string> {
  const log = new URL('../src/log.ts', import.meta.url).href;
  const script = `import { createLogger } from '${log}'; createLogger('info').info(${JSON.stringify(object)}, 'told');`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', script]);
  return stdout;
}

test('what must not be read is not in the log, at the top and one level down', async () => {
  for (const name of ['token', 'authorization', 'password', 'secret', 'privateKey', 'credentials']) {
    const line = await logged({ [name]: 'hush-1', request: { [name]: 'hush-2' }, shard: 'a' });
    assert.doesNotMatch(line, /hush/, name);
    assert.match(line, /"shard":"a"/);
  }
});
