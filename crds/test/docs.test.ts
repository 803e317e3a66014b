import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseTransferJob, transferJobStatus, transferPolicySpec } from '../src/index.ts';
import { transferPolicyStatus } from '../src/kinds/transfer-policy.ts';
import { problemsIn } from './kinds/problems-in.ts';

const statusExample = z.strictObject({ status: z.unknown() });

test('the examples on the page of TransferJob are what the schemas take', async () => {
  const [job, status, ...others] = await examplesOn('transfer-job');
  assert.doesNotThrow(() => parseTransferJob(job));
  // A field that the schema does not have would be dropped.
  const example = statusExample.parse(status).status;
  assert.deepEqual(transferJobStatus.parse(example), example);
  assert.deepEqual(others, []);
});

test('the examples on the page of TransferPolicy are what the schemas take', async () => {
  const [policy, agentConfiguration, status, ...others] = await examplesOn('transfer-policy');
  assert.deepEqual(problemsIn(policy, 'TransferPolicy', { spec: transferPolicySpec, status: transferPolicyStatus }), []);
  const example = statusExample.parse(status).status;
  assert.deepEqual(transferPolicyStatus.parse(example), example);
  assert.deepEqual(others, []);
  // Both keys name the same directories.
  const named = z.object({ roots: z.array(z.object({ alias: z.string(), hostPath: z.string() })) });
  const { spec } = z.object({ spec: transferPolicySpec }).parse(policy);
  assert.deepEqual(
    named.parse(agentConfiguration).roots,
    spec.roots.map(({ alias, hostPath }) => ({ alias, hostPath })),
  );
});

/** The YAML on a page, in its order. */
async function examplesOn(name: string): Promise<readonly unknown[]> {
  const page = await readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
  return [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']): unknown => parse(block));
}
