import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { StateDirectory } from '../../src/agent/state-directory.ts';

test('one holds the directory; the next gets it when that one lets go, and says once that it waits', async (t) => {
  const path = join(await temporaryFolder(t), 'made/state');
  const lines: unknown[] = [];
  const log = pino({ base: null }, { write: (line) => lines.push(JSON.parse(line).stateDirectory) });
  const never = new AbortController().signal;
  const first = await StateDirectory.open(path, log, never);
  assert.ok(first);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.deepEqual(lines, []);

  let hasSecond = false;
  const opening = StateDirectory.open(path, log, never).then((second) => {
    hasSecond = true;
    return second;
  });
  assert.equal(await StateDirectory.open(path, log, AbortSignal.timeout(600)), undefined);
  assert.deepEqual([hasSecond, lines], [false, [path, path]]);
  first[Symbol.dispose]();
  const second = await opening;
  assert.equal(second?.path, path);
  second?.[Symbol.dispose]();
});
