import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { smartcopy } from '../support/smartcopy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tree } from '../support/tree.ts';

test('an answer for a standard output that was closed is not lost in silence', async (t) => {
  const source = await tree(t, { 'file.txt': 'new' });
  const destination = join(await temporaryFolder(t), 'copy');
  const closed = ['sh', '-c', 'exec "$@" >&-', 'sh'];

  const ended = await smartcopy(t, ['--json', source, destination], { by: closed });

  assert.match(ended.stderr, /^smartcopy: the answer could not be written to standard output: EBADF$/m);
  assert.equal(ended.status, 1);
  const silent = await smartcopy(t, ['--quiet', source, destination], { by: closed });
  assert.deepEqual([silent.status, silent.stderr], [0, ''], 'without an answer nothing is missed');
});
