import type { TransferJob, TransferJobStatus } from '@smartcopy/crds';
import { readableDuration } from '@smartcopy/crds/progress';
import { stringify } from 'yaml';
import type { ExitStatus } from './exit-status.ts';

/** A job that was run, or could not be. */
export interface EndedJob {
  readonly job: TransferJob;
  readonly status: TransferJobStatus;
  readonly exit: ExitStatus;
  readonly startedAtMs: number;
}

/** One JSON document, as `kubectl get -o json` gives a list. */
export function jobsAsJson(jobs: readonly EndedJob[]): string {
  return `${JSON.stringify({ apiVersion: 'smartcopy.io/v1alpha1', kind: 'TransferJobList', items: jobs.map(objectOf) })}\n`;
}

/** The table that `kubectl get tj` shows, as comments, above the status of each job: what a program reads is still YAML. */
export function jobsAsYaml(jobs: readonly EndedJob[], nowMs: number): string {
  return [drawTable(jobs, nowMs), ...jobs.map((job) => stringify(objectOf(job)))].join('---\n');
}

function objectOf({ job, status }: EndedJob): object {
  const { name, namespace } = job.metadata;
  return {
    apiVersion: job.apiVersion,
    kind: job.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    status,
  };
}

function drawTable(jobs: readonly EndedJob[], nowMs: number): string {
  const rows = jobs.map(({ job, status, startedAtMs }) => [
    job.metadata.name,
    status.phase,
    status.progress?.summary.progress ?? '',
    status.progress?.summary.rate ?? '',
    status.progress?.summary.eta ?? '',
    readableDuration((nowMs - startedAtMs) / 1000),
  ]);
  const table = [['NAME', 'PHASE', 'PROGRESS', 'RATE', 'ETA', 'AGE'], ...rows];
  const widths = table.reduce<readonly number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '));
  return lines.map((line) => `# ${line.trimEnd()}\n`).join('');
}
