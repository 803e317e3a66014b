import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseTransferJob, transferJobStatus } from '../src/index.ts';

test('the examples on the page of TransferJob are what the schemas take', async () => {
  const page = await readFile(new URL('../../docs/transfer-job.md', import.meta.url), 'utf8');
  const [job, status, ...others] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']): unknown => parse(block));
  assert.doesNotThrow(() => parseTransferJob(job));
  // A field that the schema does not have would be dropped.
  const example = z.strictObject({ status: z.unknown() }).parse(status).status;
  assert.deepEqual(transferJobStatus.parse(example), example);
  assert.deepEqual(others, []);
});
