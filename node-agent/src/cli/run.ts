import type { TransferJob, TransferJobStatus } from '@smartcopy/crds';
import { toTime } from '@smartcopy/crds/progress';
import { z } from 'zod';
import { statusOfEnded, statusOfNotStarted } from '../engine/transfer-status.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { explainError, interruptedEarly } from './explain-error.ts';
import { throwIfInterrupted } from './interruption.ts';
import { nameOfJob, readJobFile } from './job-file.ts';
import { type EndedJob, jobsAsJson, jobsAsYaml } from './job-output.ts';
import { type PlacedJob, placeJobs, planJob, showEnd } from './job-plan.ts';
import { parseOptions } from './parse-options.ts';
import { placesOf } from './places.ts';
import { readRoots } from './roots.ts';
import type { Screen } from './screen.ts';
import { statusOfReport } from './summary.ts';
import { type TransferView, tellPlan, tellReport, type Verbosity, watchTransfer } from './watch-transfer.ts';

const optionsSchema = z.object({
  root: z.array(z.string()),
  verbose: z.boolean().default(false),
  quiet: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** What every job of a run shares. */
interface RunContext extends CommandContext {
  readonly verbosity: Verbosity;
}

/**
 * `smartcopy run FILE`: the jobs of a file on this host, one after the other; one that fails does not stop the next.
 * @throws InputError when the file or the roots cannot be understood: nothing has been started then
 */
export async function run(givenOptions: unknown, [fileArgument = '']: readonly string[], context: CommandContext): Promise<ExitStatus> {
  const { screen, interruption } = context;
  const file = argumentBytes(fileArgument);
  const { root, verbose, quiet, json } = parseOptions(optionsSchema, givenOptions);
  const jobs = placeJobs(await interruption.useFile(file, () => readJobFile(file)), readRoots(file, root));
  await throwIfInterrupted(interruption.end);
  if (!quiet) screen.line(`there is no cluster here, so every nodeName means this host (${namesOfNodes(jobs).join(', ')})`);

  const ended = await runJobs(jobs, { ...context, verbosity: quiet ? 'Quiet' : verbose ? 'Verbose' : 'Normal' });
  if (ended.length < jobs.length) screen.line(`${jobs.length - ended.length} of ${jobs.length} jobs were not started`);
  const status = interruption.end.aborted ? exitStatus.interrupted : worstOf(ended);
  if (quiet && !json) return status;
  return deliverAnswer(json ? jobsAsJson(ended) : jobsAsYaml(ended, Date.now()), status, screen);
}

async function runJobs(jobs: readonly PlacedJob[], context: RunContext): Promise<readonly EndedJob[]> {
  const ended: EndedJob[] = [];
  for (const job of jobs) {
    if (!context.interruption.end.aborted) ended.push(await runJob(job, context));
  }
  return ended;
}

async function runJob(placed: PlacedJob, { screen, verbosity, interruption }: RunContext): Promise<EndedJob> {
  const { job } = placed;
  if (job.spec.suspend) return leaveAlone(job, screen);
  if (verbosity !== 'Quiet') screen.line(`job ${nameOfJob(job)}: ${showEnd(job.spec.source)} to ${showEnd(job.spec.destination)}`);
  const startedAtMs = Date.now();
  try {
    const { transfer, plan } = await planJob(placed, screen, interruption.end);
    const view: TransferView = { screen, verbosity, showProgress: verbosity !== 'Quiet', places: placesOf(transfer) };
    tellPlan(plan, view);
    const orders = { interruption, limitBytesPerSecond: job.spec.bandwidth?.limit };
    if (transfer.verify === 'Source' && verbosity !== 'Quiet') screen.line(`job ${nameOfJob(job)}: ${digestsNotKept}`);
    const report = await watchTransfer({ ...transfer, scanTotals: view.showProgress }, view, orders);
    tellReport(report, view);
    return { job, startedAtMs, status: statusOfEnded(report, transfer.verify), exit: statusOfReport(report) };
  } catch (error) {
    const { reason, sentence, status: exit, details } = interruption.end.aborted ? interruptedEarly : explainError(error);
    screen.line(`job ${nameOfJob(job)}: ${sentence}`);
    if (details !== undefined) screen.write(`${details}\n`);
    return { job, startedAtMs, status: statusOfNotStarted({ reason, message: sentence }, Date.now()), exit };
  }
}

/** A job that is suspended rests here as in a cluster. What the file asks for is not done, so the exit status must not be 0. */
function leaveAlone(job: TransferJob, screen: Screen): EndedJob {
  const sentence = 'suspended; set spec.suspend to false to run it';
  screen.line(`job ${nameOfJob(job)}: ${sentence}`);
  const nowMs = Date.now();
  return { job, startedAtMs: nowMs, status: statusOfSuspended(sentence, nowMs), exit: exitStatus.failed };
}

/** It has not failed, nor begun: there are no numbers, and no times. */
function statusOfSuspended(message: string, nowMs: number): TransferJobStatus {
  const rest = { lastTransitionTime: toTime(nowMs), reason: 'Suspended', message };
  return {
    phase: 'Suspended',
    conditions: [
      { type: 'Complete', status: 'False', ...rest },
      { type: 'Suspended', status: 'True', ...rest },
    ],
  };
}

const digestsNotKept = 'verify.level Source computes digests and compares nothing; they are not kept; Readback and Media check the copy';

function namesOfNodes(jobs: readonly PlacedJob[]): readonly string[] {
  return [...new Set(jobs.flatMap(({ job: { spec } }) => [spec.source.nodePath.nodeName, spec.destination.nodePath.nodeName]))];
}

/** Of several jobs the gravest answer: a refusal before bad input before failures. */
function worstOf(ended: readonly EndedJob[]): ExitStatus {
  const gravestFirst = [exitStatus.refused, exitStatus.badInput, exitStatus.failed];
  return gravestFirst.find((status) => ended.some(({ exit }) => exit === status)) ?? exitStatus.done;
}
