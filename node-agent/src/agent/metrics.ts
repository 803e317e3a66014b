import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { TransferMeter } from '../assignments/assignment-run.ts';
import type { Counters, Failure, Transfer, TransferReport } from '../engine/run-transfer.ts';
import { readsBack } from '../engine/transfer-status.ts';

/** What gauges are asked for when somebody looks. */
export interface Census {
  readonly slots: () => { readonly running: number; readonly waiting: number; readonly ended: number; readonly free: number };
  readonly isConnected: () => boolean;
}

/** Gauges with the ending of counters, which promtool refuses. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The engine's words for ways of moving bytes, and who counts them. */
const methods = {
  reflink: 'reflinkBytes',
  copyFileRange: 'copyFileRangeBytes',
  readWrite: 'readWriteBytes',
  ioUring: 'ioUringBytes',
  mmap: 'mmapBytes',
  holes: 'holeBytes',
} as const;

/**
 * Every metric of the agent, in one place. Labels are bounded: words of the engine, names of system calls and errors; no path, no name
 * of a job. Counters grow while transfers run, by what their control blocks have gained.
 */
export class Metrics implements TransferMeter {
  readonly registry = new Registry();
  readonly #bytes = this.#counter('agent_bytes_total', 'Bytes of content moved to a destination, by method.', ['direction', 'method']);
  readonly #directBytes = this.#counter('agent_direct_io_bytes_total', 'Those of the bytes moved that went past the page cache.', []);
  readonly #files = this.#counter('agent_files_total', 'Files, links and other entries, by what became of them.', ['result']);
  readonly #verified = this.#counter('agent_verify_total', 'Files done under read-back, by whether the copy was found equal.', [
    'algorithm',
    'result',
  ]);
  readonly #verifiedBytes = this.#counter('agent_verified_bytes_total', 'Bytes read back at the destination and found equal.', [
    'algorithm',
  ]);
  readonly #ioErrors = this.#counter('agent_io_errors_total', 'System calls that failed for an entry, by call and error.', ['op', 'errno']);
  readonly #fallbacks = this.#counter('agent_engine_fallbacks_total', 'Faster ways that a file system did not offer.', [
    'from',
    'to',
    'reason',
  ]);
  readonly #throttleWait = this.#counter(
    'agent_throttle_wait_seconds_total',
    'Time that threads waited for their bandwidth limit, summed over threads.',
    [],
  );
  readonly #pathEscapes = this.#counter(
    'agent_path_escapes_blocked_total',
    'Links that stood in place of a directory and were not followed.',
    [],
  );
  readonly #syncs = this.#counter('agent_sync_total', 'Exchanges with the operator, by status or by why there was no answer.', ['code']);

  constructor(version: string, census: Census) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of misnamed) this.registry.removeSingleMetric(name);
    this.#gauge('build_info', 'Version of the agent.', ['version'], (set) => set({ version }, 1));
    this.#gauge('agent_slots', 'Room for assignments, by what it is used for.', ['state'], (set) => {
      for (const [state, count] of Object.entries(census.slots())) set({ state }, count);
    });
    this.#gauge('agent_operator_connected', 'Whether the operator answered the last exchange.', [], (set) => {
      set({}, census.isConnected() ? 1 : 0);
    });
  }

  counted(transfer: Transfer, after: Counters, before: Counters | undefined): void {
    const gained = (counter: keyof Omit<Counters, 'totalsFinal'>): number => after[counter] - (before?.[counter] ?? 0);
    for (const [method, counter] of Object.entries(methods)) this.#bytes.inc({ direction: 'write', method }, gained(counter));
    this.#directBytes.inc(gained('directIoBytes'));
    this.#files.inc({ result: 'copied' }, gained('filesDone'));
    this.#files.inc({ result: 'unchanged' }, gained('filesUnchanged'));
    this.#files.inc({ result: 'skipped' }, gained('filesSkipped'));
    this.#files.inc({ result: 'failed' }, gained('filesFailed'));
    this.#files.inc({ result: 'refused' }, gained('entriesRefused'));
    this.#throttleWait.inc(gained('throttleWaitMs') / 1000);
    if (!readsBack(transfer.verify) || transfer.digest === undefined) return;
    this.#verified.inc({ algorithm: transfer.digest, result: 'equal' }, gained('filesDone'));
    this.#verifiedBytes.inc({ algorithm: transfer.digest }, gained('bytesVerified'));
  }

  failed(transfer: Transfer, failures: readonly Failure[]): void {
    for (const { reason, syscall, errno } of failures) {
      if (reason === 'PathEscape') this.#pathEscapes.inc();
      if (reason === 'VerifyMismatch') this.#verified.inc({ algorithm: transfer.digest ?? 'none', result: 'different' });
      if (syscall !== undefined && errno !== undefined) this.#ioErrors.inc({ op: syscall, errno });
    }
  }

  ended(_transfer: Transfer, { fallbacks }: TransferReport): void {
    for (const { from, to, errno, count } of fallbacks) this.#fallbacks.inc({ from, to, reason: errno }, count);
  }

  synced(code: string): void {
    this.#syncs.inc({ code });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `smartcopy_${name}`, help, labelNames, registers: [this.registry] });
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
