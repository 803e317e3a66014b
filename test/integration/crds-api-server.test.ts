import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { storedNodeAgent, storedTransferJob, storedTransferPolicy, storedTransferShard, transferPolicySpec } from '@smartcopy/crds';
import { z } from 'zod';
import type { AcceptedObject, RefusedObject, Transition } from '../../crds/test/kinds/cases.ts';
import { acceptedNodeAgents, nodeAgentWith, refusedNodeAgents } from '../../crds/test/kinds/node-agent-cases.ts';
import { acceptedJobs, jobTransitions, jobWith, refusedJobs } from '../../crds/test/kinds/transfer-job-cases.ts';
import { finishedStatus } from '../../crds/test/kinds/transfer-job-status-cases.ts';
import { acceptedPolicies, policyWith, refusedPolicies } from '../../crds/test/kinds/transfer-policy-cases.ts';
import { acceptedShards, refusedShards, shardTransitions, shardWith } from '../../crds/test/kinds/transfer-shard-cases.ts';
import type { Answer, ApiClient } from '../support/api-client.ts';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';

const manifests = join(import.meta.dirname, '../../crds/manifests');
const root = '/apis/smartcopy.io/v1alpha1';

interface Kind {
  readonly kind: string;
  readonly plural: string;
  /** Absent for a kind of the whole cluster. */
  readonly namespace?: string;
  readonly stored: z.ZodType<{ readonly spec?: unknown; readonly status?: unknown }>;
  readonly accepted: readonly AcceptedObject[];
  readonly refused: readonly RefusedObject[];
  readonly transitions: readonly Transition[];
}

const jobs: Kind = {
  kind: 'TransferJob',
  plural: 'transferjobs',
  namespace: 'climate',
  stored: storedTransferJob,
  accepted: acceptedJobs,
  refused: refusedJobs,
  transitions: jobTransitions,
};
const policies: Kind = {
  kind: 'TransferPolicy',
  plural: 'transferpolicies',
  stored: storedTransferPolicy,
  accepted: acceptedPolicies,
  refused: refusedPolicies,
  transitions: [],
};
const shards: Kind = {
  kind: 'TransferShard',
  plural: 'transfershards',
  namespace: 'smartcopy-system',
  stored: storedTransferShard,
  accepted: acceptedShards,
  refused: refusedShards,
  transitions: shardTransitions,
};
const agents: Kind = {
  kind: 'NodeAgent',
  plural: 'nodeagents',
  stored: storedNodeAgent,
  accepted: acceptedNodeAgents,
  refused: refusedNodeAgents,
  transitions: [],
};
const kinds: readonly Kind[] = [jobs, policies, shards, agents];

/** The object that a stored one or an answer is, as far as the tests look. */
const object = z.looseObject({
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});
type StoredObject = z.infer<typeof object>;

/** metav1.Status of a refusal: what is wrong with which field. */
const refusal = z.object({
  message: z.string(),
  details: z
    .object({ causes: z.array(z.object({ field: z.string().default(''), message: z.string().default('') })).default([]) })
    .default({ causes: [] }),
});

const title = 'the kinds on a real API server';
const obstacle = lacksControlPlane();
// One test that is skipped, instead of each of hundreds; a suite that is skipped would not be counted.
if (obstacle === false) suite(title, testKinds);
else test(title, { skip: obstacle });

function testKinds(): void {
  let started: ControlPlane | undefined;
  let administrator: ApiClient | undefined;
  let names = 0;
  before(async () => {
    started = await startControlPlane();
    administrator = started.as(started.files.admin);
    await started.kubectl(['apply', '-f', manifests]);
    await started.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
    for (const namespace of ['climate', 'smartcopy-system'])
      await started.request('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    for (const kind of kinds) await untilServed(kind);
  });
  after(() => started?.stop());

  for (const kind of kinds) {
    suite(kind.kind, () => {
      for (const { name, document } of kind.accepted) {
        test(`accepted: ${name}`, async () => {
          const stored = await storeDone(kind, document);
          const { spec, status } = kind.stored.parse(stored);
          // What was left out has the same defaults here and there, and nothing was dropped.
          const meant = kind.stored.parse({ ...asSent(document), metadata: stored.metadata });
          assert.deepEqual({ spec, status }, { spec: meant.spec, status: meant.status });
        });
      }
      for (const one of kind.refused) {
        test(`refused: ${one.name}`, async () => assertRefused(await store(kind, one.document), one));
      }
      for (const transition of kind.transitions) {
        test(`${transition.refused.length === 0 ? 'may change' : 'may not change'}: ${transition.name}`, () => change(kind, transition));
      }
    });
  }

  test('defaults are written into the object, for everybody to read', async () => {
    const nodePath = { root: 'scratch', nodeName: 'worker-1' };
    const destination = { nodePath: { ...nodePath, root: 'archive' } };
    const { spec } = await storeDone(jobs, jobWith({ source: { nodePath }, destination, verify: {} }));
    assert.deepEqual(spec, {
      source: { nodePath: { ...nodePath, path: '' } },
      destination: { nodePath: { ...destination.nodePath, path: '' } },
      update: 'IfDifferent',
      ordering: 'Auto',
      symlinks: 'Preserve',
      onConflict: 'Overwrite',
      atomic: 'Replace',
      verify: { algorithm: 'XXH3', level: 'Readback' },
      durability: 'Batch',
      suspend: false,
    });
    assert.deepEqual((await storeDone(policies, policyWith())).spec, transferPolicySpec.parse(policyWith().spec));
  });

  test('members that a client writes as null are as if they were not written', async () => {
    const { spec } = await storeDone(
      jobs,
      jobWith({
        update: null,
        verify: null,
        preserve: null,
        bandwidth: null,
        engine: {},
        parallelism: { threadsPerNode: null },
        suspend: null,
      }),
    );
    assert.deepEqual(
      storedTransferJob.shape.spec.parse(spec),
      storedTransferJob.shape.spec.parse(jobWith({ engine: {}, parallelism: {} }).spec),
    );
    const opened = {
      alias: 'scratch',
      hostPath: '/mnt/scratch',
      subPath: null,
      nodeSelector: null,
      access: null,
      crossMounts: null,
      keepDevices: null,
    };
    const policy = await storeDone(
      policies,
      policyWith({ namespaceSelector: { matchLabels: null, matchExpressions: null }, roots: [opened] }),
    );
    assert.deepEqual(policy.spec, transferPolicySpec.parse(policyWith().spec));
  });

  test('a label that a policy writes without a value is refused, for without it more would be selected', async () => {
    const message = "must have label values: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
    const [field, ofNodes] = ['spec.namespaceSelector.matchLabels', 'spec.roots[0].nodeSelector.matchLabels'];
    const matchLabels = { team: null, stage: 'test' };
    assertRefused(await store(policies, policyWith({ namespaceSelector: { matchLabels } })), { by: 'rule', field, message });
    const opened = { alias: 'scratch', hostPath: '/mnt/scratch', nodeSelector: { matchLabels } };
    assertRefused(await store(policies, policyWith({ roots: [opened] })), { by: 'rule', field: ofNodes, message });
  });

  test('kubectl says what is wrong in our words', async () => {
    const nodePath = { root: 'scratch', path: '../run42', nodeName: 'worker-1' };
    const input = JSON.stringify(jobWith({ source: { nodePath } }));
    assert.match(
      await plane().kubectl(['apply', '-f', '-'], { input, expectFailure: true }),
      /^The TransferJob "run42" is invalid: spec\.source\.nodePath\.path: Invalid value: "\.\.\/run42": must not contain a '\.\.' segment; name the directory from the root down$/m,
    );
    assert.match(
      await plane().kubectl(['apply', '-f', '-'], { input: JSON.stringify(jobWith({ priority: 5 })), expectFailure: true }),
      /unknown field "spec\.priority"/,
    );
  });

  test('kubectl explains fields in our words', async () => {
    const explained = (await plane().kubectl(['explain', 'tj.spec.verify'])).replaceAll(/\s+/g, ' ');
    for (const text of [
      'How the copy is checked. Absent means that no digest is computed and nothing is read back.',
      'algorithm <string> enum: XXH3, XXH64, BLAKE3, SHA256 Digest over the content of each file',
      'Readback also reads every copied file again at the destination',
    ]) {
      assert.ok(explained.includes(text), explained);
    }
    assert.match(await plane().kubectl(['explain', 'tpol.spec.roots.access']), /ReadOnly: jobs may copy from here/);
  });

  test('kubectl get shows the columns', async () => {
    const job = await storeDone(jobs, { ...jobWith(), status: shownStatus });
    const policy = await storeDone(policies, {
      ...policyWith(),
      status: { namespaces: 3, aliases: 'scratch,archive', conditions: [ready] },
    });
    const shard = await storeDone(shards, { ...shardWith(), status: { state: 'Assigned' } });
    const agent = await storeDone(agents, nodeAgentWith());
    assert.deepEqual(await row('tj', job), {
      ...{ NAME: job.metadata.name, PHASE: 'Running', PROGRESS: '42%', RATE: '1.2 GiB/s', ETA: '3m20s' },
      ...{ DONE: '1024', TOTAL: '2048', FAILED: '1', NODES: 'worker-1,worker-2', REASON: 'Copying' },
    });
    assert.deepEqual(await row('tpol', policy), {
      NAME: policy.metadata.name,
      ...{ READY: 'True', REASON: 'Accepted', NAMESPACES: '3', ROOTS: 'scratch,archive' },
    });
    assert.deepEqual(await row('tshard', shard), {
      NAME: shard.metadata.name,
      ...{ NAMESPACE: 'climate', JOB: 'run42', NODE: 'worker-1', STATE: 'Assigned', REASON: '' },
    });
    assert.deepEqual(await row('nag', agent), {
      NAME: agent.metadata.name,
      ...{ READY: 'False', REASON: 'RootsMissing', VERSION: '0.1.0', ROOTS: 'scratch', KERNEL: '6.12.30', IO_URING: 'Full', CPUS: '8' },
    });
    assert.match(
      await plane().kubectl(['get', 'smartcopy', '-n', 'climate']),
      new RegExp(`^transferjob.smartcopy.io/${job.metadata.name} `, 'm'),
    );
  });

  function plane(): ControlPlane {
    assert.ok(started !== undefined);
    return started;
  }

  async function ask(...question: Parameters<ApiClient['ask']>): Promise<Answer> {
    assert.ok(administrator !== undefined);
    return await administrator.ask(...question);
  }

  /** Creates the object under a name of its own, then writes its status as the operator does; the first refusal is the answer. */
  async function store(kind: Kind, document: object): Promise<Answer> {
    names += 1;
    const { resourceVersion: _, ...metadata } = z.object({ metadata: z.looseObject({}) }).parse(document).metadata;
    const named = { ...document, metadata: { ...metadata, name: `case-${names}` } };
    const created = await ask('POST', `${collection(kind)}?fieldValidation=Strict`, named);
    const { status } = z.object({ status: z.unknown().optional() }).parse(document);
    return created.status >= 300 || status === undefined ? created : await putStatus(kind, parsed(created), status);
  }

  async function storeDone(kind: Kind, document: object): Promise<StoredObject> {
    const answer = await store(kind, document);
    assert.ok(answer.status < 300, answer.text);
    return parsed(answer);
  }

  async function putStatus(kind: Kind, stored: StoredObject, status: unknown): Promise<Answer> {
    return await ask('PUT', `${collection(kind)}/${stored.metadata.name}/status?fieldValidation=Strict`, { ...stored, status });
  }

  async function change(kind: Kind, { before: first, status, after: second, refused }: Transition): Promise<void> {
    const created = await storeDone(kind, first);
    const stored = status === undefined ? created : parsed(await putStatus(kind, created, status));
    const { spec } = z.object({ spec: z.unknown() }).parse(second);
    const answer = await ask('PUT', `${collection(kind)}/${stored.metadata.name}`, { ...stored, spec });
    if (refused.length === 0) {
      assert.equal(answer.status, 200, answer.text);
      return;
    }
    assert.equal(answer.status, 422, answer.text);
    const { causes } = refusal.parse(JSON.parse(answer.text)).details;
    assert.deepEqual(
      causes.map(({ field }) => field),
      refused,
    );
    for (const { message } of causes) assert.match(message, /cannot change|must grow/);
  }

  /** One line of `kubectl get -o wide` by column, without the age. */
  async function row(resource: string, { metadata }: StoredObject): Promise<object> {
    const [header = '', line = ''] = (
      await plane().kubectl(['get', resource, metadata.name, '-o', 'wide', ...inNamespace(resource)])
    ).split('\n');
    const columns = [...header.matchAll(/\S+\s*/g)].map(({ 0: cell, index }) => ({
      name: cell.trim(),
      from: index,
      to: index + cell.length,
    }));
    return Object.fromEntries(
      columns
        .filter(({ name }) => name !== 'AGE')
        .map(({ name, from, to }) => [name, line.slice(from, name === columns.at(-1)?.name ? undefined : to).trim()]),
    );
  }

  async function untilServed(kind: Kind): Promise<void> {
    for (let tries = 0; (await ask('GET', collection(kind))).status !== 200; tries += 1) {
      assert.ok(tries < 300, `${kind.plural} are not served`);
      await setTimeout(100);
    }
  }
}

const ready = {
  type: 'Ready',
  status: 'True',
  lastTransitionTime: '2026-01-31T09:30:00Z',
  reason: 'Accepted',
  message: 'jobs in the selected namespaces may use its roots',
};

const shownStatus = {
  ...finishedStatus,
  phase: 'Running',
  progress: {
    ...finishedStatus.progress,
    bytesDone: 1024,
    bytesTotal: 2048,
    summary: { progress: '42%', rate: '1.2 GiB/s', eta: '3m20s' },
  },
  shards: { total: 2, active: 2, succeeded: 0, failed: 0, nodes: 'worker-1,worker-2' },
  conditions: [
    { ...ready, type: 'Scheduled' },
    { ...ready, type: 'Complete', status: 'False', reason: 'Copying' },
  ],
};

function collection({ plural, namespace }: Kind): string {
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/** Without the members that are undefined, which JSON does not have. */
function asSent(document: object): object {
  return z.looseObject({}).parse(JSON.parse(JSON.stringify(document)));
}

function inNamespace(resource: string): readonly string[] {
  if (resource === 'tj') return ['-n', 'climate'];
  return resource === 'tshard' ? ['-n', 'smartcopy-system'] : [];
}

function parsed({ status, text }: Answer): StoredObject {
  assert.ok(status < 300, text);
  return object.parse(JSON.parse(text));
}

function assertRefused({ status, text }: Answer, { by, field, message }: Pick<RefusedObject, 'by' | 'field' | 'message'>): void {
  assert.equal(status, by === 'unknown' ? 400 : 422, text);
  const said = refusal.parse(JSON.parse(text));
  if (by === 'unknown') {
    assert.ok(said.message.includes(`unknown field "${field}"`), said.message);
    return;
  }
  const about = said.details.causes.filter((cause) => cause.field === field);
  assert.ok(about.length > 0, `${field} is not named: ${said.message}`);
  if (by === 'rule')
    assert.ok(
      about.some((cause) => cause.message.endsWith(message)),
      said.message,
    );
}
