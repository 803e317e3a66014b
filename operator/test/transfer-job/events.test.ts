import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferJobStatus } from '@smartcopy/crds';
import { decide } from '../../src/transfer-job/decide.ts';
import { eventsBetween } from '../../src/transfer-job/events.ts';
import type { Observed } from '../../src/transfer-job/observe.ts';
import { nextStatus } from '../../src/transfer-job/status.ts';
import { failed, heardAgent, reportOf, running, seenShard, storedJob, storedShard, succeeded, view } from './job-cases.ts';

/** The events of a job that is seen like this, one after the other, each as `Type Reason: message`. */
function tell(...views: readonly Observed[]): readonly string[] {
  let status: TransferJobStatus | undefined;
  return views.flatMap((seen) => {
    const before = status;
    const job = { ...seen.job, ...(before === undefined ? {} : { status: before }) };
    status = nextStatus({ ...seen, job }, decide({ ...seen, job }));
    return eventsBetween(before, status).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  });
}

const assigned = view({ shard: seenShard({ isStopped: true }) });
const atWork = view({ shard: running });
const ended = (status: typeof succeeded) => view({ shard: seenShard({ object: storedShard({ status }), isStopped: true }) });
const suspendedJob = storedJob({ spec: { suspend: true } });
const scheduled = "Normal Scheduled: given to the agent on the node 'worker-1'";
const started = "Normal Started: the copy has begun on the node 'worker-1'";

const stories: readonly (readonly [string, readonly Observed[], readonly string[]])[] = [
  [
    'runs and completes',
    [assigned, assigned, atWork, atWork, ended(succeeded)],
    [scheduled, started, 'Normal Completed: 2 files copied, 0 equal already'],
  ],
  ['is over before anybody has looked', [ended(succeeded)], [scheduled, started, 'Normal Completed: 2 files copied, 0 equal already']],
  ['fails', [atWork, ended(failed)], [scheduled, started, 'Warning Failed: EntriesFailed: 1 entry could not be copied']],
  [
    'rests for a while',
    [
      atWork,
      view({ job: suspendedJob, shard: running }),
      view({ job: suspendedJob, shard: seenShard({ isStopped: true }) }),
      view({ shard: seenShard({ report: reportOf() }) }),
    ],
    [scheduled, started, 'Normal Suspended: nothing works on it', 'Normal Resumed: it goes on'],
  ],
  ['goes on before it has come to rest', [atWork, view({ job: suspendedJob, shard: running }), atWork], [scheduled, started]],
  [
    'is denied, then allowed',
    [view({ policies: [] }), view({ policies: [] }), assigned],
    [
      "Warning NoPolicy: no TransferPolicy selects the namespace 'climate'; write one whose namespaceSelector matches it and that opens the root 'scratch'",
      scheduled,
    ],
  ],
  [
    'meets one obstacle after the other',
    [view({ nodes: [] }), view({ agent: undefined }), view({ agent: { ...heardAgent, roots: [] } }), assigned],
    [
      "Warning NodeUnavailable: the cluster has no node 'worker-1'; correct nodeName, or wait until it has joined",
      "Warning AgentUnavailable: the agent on the node 'worker-1' has not been heard of; check its pod and the network to it",
      "Warning RootNotMounted: the agent on the node 'worker-1' has no root 'scratch' mounted from /mnt/scratch; add it to the roots of the agents, or mount the directory there",
      scheduled,
    ],
  ],
  [
    'finds no room on its node',
    [...[1, 2].map(() => view({ shard: seenShard({ isStopped: true, givenInstead: 256 }) })), atWork],
    [
      "Warning NoFreeSlot: the node 'worker-1' holds 256 shards of at most 256, as many as its agent can be told of; it starts when one has ended",
      scheduled,
      started,
    ],
  ],
  [
    'is deleted while it runs',
    [atWork, view({ job: storedJob({ metadata: { deletionTimestamp: '2026-01-31T10:00:00Z' } }), shard: running })],
    [scheduled, started, "Normal Stopping: the job is deleted; it waits until the node 'worker-1' has stopped"],
  ],
];

for (const [name, views, expected] of stories) {
  test(`the events of a job that ${name}`, () => {
    assert.deepEqual(tell(...views), expected);
  });
}
