import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readJobFile } from '../../src/cli/job-file.ts';
import { placeJobs } from '../../src/cli/job-plan.ts';
import { readRoots } from '../../src/cli/roots.ts';

test('the example is a job whose roots are named and made when they are missing', () => {
  const file = Buffer.from(fileURLToPath(new URL('../../../examples/transferjob.yaml', import.meta.url)));
  const [placed, ...others] = placeJobs(readJobFile(file), readRoots(file, []));
  assert.deepEqual(others, []);
  assert.deepEqual(
    [placed?.source, placed?.destination].map((root) => [root?.alias, root?.preparation?.command[0]]),
    [
      ['scratch', 'node'],
      ['archive', 'mkdir'],
    ],
  );
});
