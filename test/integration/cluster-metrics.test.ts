import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { lacksControlPlane, lacksPromtool, promtool } from '../support/brought-programs.ts';
import { type Cluster, cluster, namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';

/** A name that can be found again wherever it should not be. */
const telltale = 'telltale';

test('the metrics of both processes', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, {});
  plantTree(join(running.pathOf('worker-1', 'data'), telltale), { [`${telltale}-file`]: randomBytes(300_000), again: 'x' });
  await running.createJob({ name: telltale, spec: { verify: { algorithm: 'BLAKE3' }, bandwidth: { limit: '100Ki' } } });
  await running.untilComplete(telltale);
  // After the end of the job comes the end of its shard.
  await eventually('its shard is gone', async () => (await running.shards()).length === 0);
  const pages = {
    operator: await pageWhenCounted(running),
    agent: await page(running.playground.agent('worker-1').metricsUrl),
  };

  for (const [process, text] of Object.entries(pages)) {
    await t.test(`promtool accepts the page of the ${process}`, { skip: lacksPromtool() }, async () => {
      assert.equal(await checkMetrics(text), '');
    });
    await t.test(`no label of the ${process} carries a path or the name of a job`, () => {
      assert.doesNotMatch(text, new RegExp(telltale));
      assert.doesNotMatch(text, /\/mnt\/|"\//);
    });
  }

  await t.test('the operator counts what happened', () => {
    assert.match(pages.operator, /^smartcopy_build_info\{version="[\d.]+"\} 1$/m);
    assert.match(
      pages.operator,
      new RegExp(`^smartcopy_jobs_finished_total\\{namespace="${namespace}",result="Complete",reason="Succeeded"\\} 1$`, 'm'),
    );
    assert.match(pages.operator, /^smartcopy_job_start_latency_seconds_count 1$/m);
    assert.match(pages.operator, /^smartcopy_agents\{state="Connected",version="[\d.]+"\} 1$/m);
    assert.match(pages.operator, new RegExp(`^smartcopy_jobs\\{namespace="${namespace}",phase="Complete"\\} 1$`, 'm'));
  });

  await t.test('the agent counts what it moved', () => {
    assert.equal(sumOf(pages.agent, 'smartcopy_agent_bytes_total', 'write') >= 300_001, true, pages.agent);
    assert.equal(sumOf(pages.agent, 'smartcopy_agent_files_total', 'copied') >= 2, true, pages.agent);
    assert.match(pages.agent, /^smartcopy_agent_operator_connected 1$/m);
  });

  await t.test('the operator has no right that it does not use', () => compareRights(running, pages.operator));

  await t.test('both are healthy and ready', () => checkHealth(running));
});

/** The end of a job is counted right after it was written. */
async function pageWhenCounted({ playground }: Cluster): Promise<string> {
  return await eventually('the operator counts the end of the job', async () => {
    const text = await page(`${playground.operator.statusUrl}/metrics`);
    return /^smartcopy_jobs_finished_total\{/m.test(text) && text;
  });
}

async function page(url: string): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return await response.text();
}

/** @returns what promtool finds wrong; empty when nothing */
function checkMetrics(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(promtool(), ['check', 'metrics']);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        said += part;
      });
    child.on('error', reject);
    child.on('close', (status) => resolve(status === 0 ? said : `status ${status}: ${said}`));
    child.stdin.end(text);
  });
}

/** The sum of the samples of a metric whose labels hold a word. */
function sumOf(text: string, metric: string, word: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) && line.includes(`"${word}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Rights for what does not happen in this test, each with what it is for. */
const rarelyUsed: ReadonlySet<string> = new Set([
  'get transferjobs', // A shard whose job the cache does not have.
  'get transfershards', // A shard that exists already.
  'patch transfershards', // A job that was corrected to name another node.
  'get nodeagents', // One that the cache does not have yet.
  'delete nodeagents', // A node that is gone.
  'patch secrets', // Certificates that are renewed.
  'patch configmaps',
  'patch events', // One that happens again.
  'create subjectaccessreviews', // A person who follows a job.
]);

const roleRules = z.object({ rules: z.array(z.object({ verbs: z.array(z.string()), resources: z.array(z.string()) })) });

/** The roles' verbs on resources, against those that the operator's own metrics show. */
async function compareRights({ playground: { controlPlane } }: Cluster, text: string): Promise<void> {
  const base = '/apis/rbac.authorization.k8s.io/v1';
  const roles = [`${base}/clusterroles/smartcopy-operator`, `${base}/namespaces/smartcopy-system/roles/smartcopy-operator`];
  const granted = new Set<string>();
  for (const path of roles) {
    for (const { verbs, resources } of roleRules.parse(await controlPlane.request('GET', path)).rules) {
      for (const verb of verbs) for (const resource of resources) granted.add(`${verb} ${resource}`);
    }
  }
  const seen = text.matchAll(/^smartcopy_api_requests_total\{verb="(\w+)",resource="([\w/]+)",code="2/gm);
  const used = new Set([...seen].map(([, verb, resource]) => `${verb} ${resource}`));
  assert.ok(used.has('create transfershards') && used.has('update transferjobs/status'), [...used].join());
  assert.deepEqual(
    [...granted].filter((right) => !used.has(right) && !rarelyUsed.has(right)),
    [],
  );
}

async function checkHealth({ playground }: Cluster): Promise<void> {
  for (const { statusUrl } of [playground.operator, playground.agent('worker-1')]) {
    for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(`${statusUrl}${path}`)).status, 200, path);
    assert.equal((await fetch(`${statusUrl}/nothing`)).status, 404);
  }
}
