import type { TransferJobPhase } from '@smartcopy/crds';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What gauges are asked for when somebody looks: counted from memory, never kept beside it. */
export interface Census {
  readonly jobs: () => readonly { readonly namespace: string; readonly phase: TransferJobPhase }[];
  readonly shards: () => readonly { readonly state: string }[];
  readonly agents: () => readonly { readonly state: string; readonly version: string }[];
  /** Keys that wait, by the name of their queue. */
  readonly queueDepths: () => Readonly<Record<string, number>>;
  readonly limits: () => { readonly limitBytesPerSecond: number; readonly grantedBytesPerSecond: number };
}

const secondsOfRequests = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const secondsToStart = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300];
const secondsOfJobs = [1, 10, 60, 300, 1_800, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600, 7 * 24 * 3_600];

/** Of prom-client's own: gauges with the ending of counters, which promtool refuses. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Why jobs end. The word comes from an agent: another one than these must not become a new series. */
const knownReasons: ReadonlySet<string> = new Set([
  'DestinationInsideSource',
  'DigestsIncomplete',
  'EntriesFailed',
  'InternalError',
  'IoError',
  'NameTooLong',
  'NoSpace',
  'NotStarted',
  'OutOfMemory',
  'PathEscape',
  'PermissionDenied',
  'QuotaExceeded',
  'ReadOnlyFileSystem',
  'SameFile',
  'SourceNotFound',
  'SpecialFile',
  'Succeeded',
  'SystemError',
  'TooManyOpenFiles',
  'TypeConflict',
  'VerifyMismatch',
]);

/**
 * Every metric of the operator, in one place. Labels are bounded: no path, no name of a job, no text of an error.
 * What happens is counted by the methods, what is there is taken from the census when the page is read.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #jobsFinished = this.#counter('jobs_finished_total', 'Jobs that ended.', ['namespace', 'result', 'reason']);
  readonly #jobDuration = this.#histogram('job_duration_seconds', 'From the start of a job to its end.', ['result'], secondsOfJobs);
  readonly #startLatency = this.#histogram(
    'job_start_latency_seconds',
    'From the creation of a job to its first byte.',
    [],
    secondsToStart,
  );
  readonly #policyDenials = this.#counter('policy_denials_total', 'Jobs that came to be denied by policy.', ['reason']);
  readonly #authFailures = this.#counter('agent_auth_failures_total', 'Agent requests whose token proved no agent.', ['reason']);
  readonly #syncs = this.#counter('agent_syncs_total', 'Exchanges with agents, by the status of the answer.', ['code']);
  readonly #reconciles = this.#counter('reconcile_total', 'Reconciliations.', ['controller', 'result']);
  readonly #reconcileDuration = this.#histogram(
    'reconcile_duration_seconds',
    'Time of one reconciliation.',
    ['controller'],
    secondsOfRequests,
  );
  readonly #queueAdds = this.#counter('workqueue_adds_total', 'Keys put into a work queue.', ['name']);
  readonly #queueRetries = this.#counter('workqueue_retries_total', 'Keys put back because their reconciliation failed.', ['name']);
  readonly #queueWait = this.#histogram(
    'workqueue_queue_duration_seconds',
    'Time that keys waited in a work queue.',
    ['name'],
    secondsOfRequests,
  );
  readonly #apiRequests = this.#counter('api_requests_total', 'Requests to the API server.', ['verb', 'resource', 'code']);
  readonly #apiDuration = this.#histogram(
    'api_request_duration_seconds',
    'Time of requests to the API server.',
    ['verb'],
    secondsOfRequests,
  );
  readonly #writesDeferred = this.#counter('api_writes_deferred_total', 'Writes of progress put off for the sake of the write budget.', []);
  readonly #watchRestarts = this.#counter('watch_restarts_total', 'Watches begun anew.', ['resource', 'reason']);
  readonly #relists = this.#counter('relist_total', 'Complete lists read from the API server.', ['resource']);

  constructor(version: string, census: Census) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of misnamed) this.registry.removeSingleMetric(name);
    this.#gauge('build_info', 'Version of the operator.', ['version'], (set) => set({ version }, 1));
    this.#gauge('jobs', 'Jobs by phase.', ['namespace', 'phase'], (set) => {
      for (const { labels, count } of tally(census.jobs())) set(labels, count);
    });
    this.#gauge('shards', 'Shards by state.', ['state'], (set) => {
      for (const { labels, count } of tally(census.shards())) set(labels, count);
    });
    this.#gauge('agents', 'Agents by state and version.', ['state', 'version'], (set) => {
      for (const { labels, count } of tally(census.agents())) set(labels, count);
    });
    this.#gauge('workqueue_depth', 'Keys that wait in a work queue.', ['name'], (set) => {
      for (const [name, depth] of Object.entries(census.queueDepths())) set({ name }, depth);
    });
    this.#gauge('bandwidth_limit_bytes_per_second', 'Sum of the limits of running jobs that have one.', [], (set) => {
      set({}, census.limits().limitBytesPerSecond);
    });
    this.#gauge('bandwidth_granted_bytes_per_second', 'Sum of the bandwidth that agents hold under a limit.', [], (set) => {
      set({}, census.limits().grantedBytesPerSecond);
    });
  }

  jobFinished(job: { readonly namespace: string; readonly result: string; readonly reason: string; readonly durationS: number }): void {
    const { namespace, result, reason, durationS } = job;
    this.#jobsFinished.inc({ namespace, result, reason: knownReasons.has(reason) ? reason : 'Other' });
    this.#jobDuration.observe({ result }, durationS);
  }

  firstByte(latencyMs: number): void {
    this.#startLatency.observe(latencyMs / 1000);
  }

  policyDenied(reason: string): void {
    this.#policyDenials.inc({ reason });
  }

  agentRefused(reason: string): void {
    this.#authFailures.inc({ reason });
  }

  synced(code: number): void {
    this.#syncs.inc({ code });
  }

  reconciled({
    controller,
    result,
    durationMs,
  }: {
    readonly controller: string;
    readonly result: string;
    readonly durationMs: number;
  }): void {
    this.#reconciles.inc({ controller, result });
    this.#reconcileDuration.observe({ controller }, durationMs / 1000);
  }

  queued(name: string): void {
    this.#queueAdds.inc({ name });
  }

  queuedAgain(name: string): void {
    this.#queueRetries.inc({ name });
  }

  waitedInQueue(name: string, waitMs: number): void {
    this.#queueWait.observe({ name }, waitMs / 1000);
  }

  requested({
    verb,
    resource,
    code,
    durationMs,
  }: {
    readonly verb: string;
    readonly resource: string;
    readonly code: number | string;
    readonly durationMs: number;
  }): void {
    this.#apiRequests.inc({ verb, resource, code });
    this.#apiDuration.observe({ verb }, durationMs / 1000);
  }

  writeDeferred(): void {
    this.#writesDeferred.inc();
  }

  watchRestarted(resource: string, reason: string): void {
    this.#watchRestarts.inc({ resource, reason });
  }

  relisted(resource: string): void {
    this.#relists.inc({ resource });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `smartcopy_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: readonly Label[], buckets: readonly number[]): Histogram<Label> {
    return new Histogram({ name: `smartcopy_${name}`, help, labelNames, buckets: [...buckets], registers: [this.registry] });
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    look: (set: (labels: Partial<Record<Label, string>>, value: number) => void) => void,
  ): void {
    new Gauge({
      name: `smartcopy_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        look((labels, value) => this.set(labels, value));
      },
    });
  }
}

/** How often each set of labels occurs. */
function tally<Labels extends object>(all: readonly Labels[]): readonly { readonly labels: Labels; readonly count: number }[] {
  const groups = new Map<string, { labels: Labels; count: number }>();
  for (const labels of all) {
    const key = JSON.stringify(labels);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { labels, count: 1 });
    else known.count += 1;
  }
  return [...groups.values()];
}
