import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { apiError, jobDeletedEvent, jobStatusEvent, operatorTlsName } from '@smartcopy/crds';
import { lacksControlPlane } from '../support/brought-programs.ts';
import { cleanUp } from '../support/clean-up.ts';
import { type Cluster, cluster, namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { plantTree } from '../support/tree.ts';

const MiB = 1024 ** 2;

test('the live progress of a job as server-sent events', { skip: lacksControlPlane() }, async (t) => {
  const running = await cluster(t, { memoryBytes: 64 * MiB });
  plantTree(
    join(running.pathOf('worker-1', 'data'), 'live'),
    Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`${index}`, randomBytes(MiB)])),
  );
  await running.createJob({ name: 'live', spec: { bandwidth: { limit: 2 * MiB }, durability: 'File' } });

  const viewer = await account(running, 'viewer', 'view');
  const stranger = await account(running, 'stranger');

  await t.test('who sends no token, a wrong one, or may not get the job is refused', async () => {
    assert.deepEqual(await refusalFor(running, 'live', undefined), [401, 'Unauthenticated']);
    assert.deepEqual(await refusalFor(running, 'live', 'nonsense'), [401, 'Unauthenticated']);
    assert.deepEqual(await refusalFor(running, 'live', stranger), [403, 'Forbidden']);
    // Who may not see jobs does not learn which there are.
    assert.deepEqual(await refusalFor(running, 'no-such-job', stranger), [403, 'Forbidden']);
    assert.deepEqual(await refusalFor(running, 'no-such-job', viewer), [404, 'NotFound']);
  });

  await t.test('who may sees it move to its end, and go', async (t) => {
    const events = follow(t, running, viewer);
    await running.untilComplete('live', 60_000);
    await eventually('the stream tells the end', () => events().some(({ data }) => data.includes('"phase":"Complete"')));
    await running.deleteJob('live');
    await eventually('the stream tells that it has gone', () => events().at(-1)?.event === 'deleted');
    const statuses = events().flatMap(({ event, data }) => (event === 'status' ? [jobStatusEvent.parse(JSON.parse(data))] : []));
    const bytes = statuses.map(({ status }) => status.progress?.bytesDone ?? 0);
    assert.ok(new Set(bytes).size >= 5, `bytes as they were told: ${bytes.join()}`);
    assert.deepEqual(
      bytes,
      bytes.toSorted((a, b) => a - b),
    );
    assert.equal(bytes.at(-1), 16 * MiB);
    assert.equal(jobDeletedEvent.parse(JSON.parse(events().at(-1)?.data ?? '')).name, 'live');
  });
});

/** A service account's token; with a role, that of a user role in the namespace of the tests. */
async function account({ playground: { controlPlane } }: Cluster, name: string, role?: string): Promise<string> {
  await controlPlane.kubectl(['create', 'serviceaccount', name, '-n', namespace]);
  if (role !== undefined) {
    await controlPlane.kubectl([
      'create',
      'rolebinding',
      name,
      '-n',
      namespace,
      `--clusterrole=${role}`,
      `--serviceaccount=${namespace}:${name}`,
    ]);
  }
  return (await controlPlane.kubectl(['create', 'token', name, '-n', namespace])).trim();
}

function ask({ playground }: Cluster, name: string, token: string | undefined): ReturnType<typeof request> {
  const url = new URL(`/api/namespaces/${namespace}/jobs/${name}/events`, playground.operator.apiUrl);
  const headers = { accept: 'text/event-stream', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  return request(url, { headers, ca: readFileSync(playground.caFile), servername: operatorTlsName }).end();
}

async function refusalFor(
  running: Cluster,
  name: string,
  token: string | undefined,
): Promise<readonly [status: number | undefined, code: string]> {
  return await new Promise((resolve, reject) => {
    ask(running, name, token)
      .on('error', reject)
      .on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve([response.statusCode, apiError.parse(JSON.parse(text)).code]));
      });
  });
}

interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** Opens the stream of the job `live`. @returns what has come so far; comments keep the connection alive and say nothing */
function follow(t: TestContext, running: Cluster, token: string): () => readonly StreamEvent[] {
  let text = '';
  const asked = ask(running, 'live', token).on('response', (response) => {
    assert.equal(response.statusCode, 200);
    assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  });
  asked.on('error', () => undefined); // The test ends it.
  cleanUp(t, () => void asked.destroy());
  return () => text.split('\n\n').slice(0, -1).flatMap(parseEvent);
}

function parseEvent(block: string): readonly StreamEvent[] {
  const field = (name: string): string | undefined =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const [event, data] = [field('event'), field('data')];
  return event === undefined || data === undefined ? [] : [{ event, data }];
}
