import { readableCount } from '@smartcopy/crds/progress';
import { joinPath, lastSegment } from '../engine/byte-paths.ts';
import { keepEverything } from '../engine/defaults.ts';
import { locateLocalEnds } from '../engine/local-paths.ts';
import type { Transfer, TransferReport } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { statusOfEnded } from '../engine/transfer-status.ts';
import { InputError } from '../errors.ts';
import type { EnginePlan } from '../system/engine-plan.ts';
import { planLocal } from '../system/local-plan.ts';
import { deliverAnswer, Listing } from './answer.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import { type CopyOptions, parseCopyOptions } from './copy-options.ts';
import { openDigestsFile } from './digests-file.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { openFilesFrom } from './files-from.ts';
import { throwIfInterrupted } from './interruption.ts';
import type { Places } from './places.ts';
import { statusOfReport } from './summary.ts';
import { type TransferView, tellPlan, tellReport, watchTransfer } from './watch-transfer.ts';

/**
 * `smartcopy SRC DST`.
 * @throws InputError for options or paths that do not fit; RefusedError and NativeIoError when the engine cannot start
 */
export async function copy(
  givenOptions: object,
  [source = '', destination = '']: readonly string[],
  { screen, interruption }: CommandContext,
): Promise<ExitStatus> {
  const options = parseCopyOptions(givenOptions);
  const given = { source: argumentBytes(source), destination: argumentBytes(destination) };
  const { transfer: planned, plan } = planTransfer(options, given);
  const places = namePlaces(given, planned);
  if (options.filesFrom !== undefined && places.areFiles) {
    throw new InputError(`--files-from lists what to copy of a directory, and ${showArgument(source)} is none; leave it out`);
  }
  const listing = wantsListing(options) ? new Listing(screen) : undefined;
  const view: TransferView = { screen, verbosity: options.verbosity, showProgress: options.progress, places, listing };
  tellPlan(plan, view);
  await throwIfInterrupted(interruption.end);
  using list = options.filesFrom === undefined ? undefined : await openFilesFrom(options.filesFrom.file, interruption);
  const filesFrom = list === undefined ? {} : { filesFrom: { fd: list.fd, isNulSeparated: options.filesFrom?.isNulSeparated === true } };
  const transfer = { ...planned, ...filesFrom };
  const untouchable = { places, filesFromFd: list?.fd };
  const digests = options.digestsFile === undefined ? undefined : await openDigestsFile(options.digestsFile, untouchable, interruption);
  if (transfer.verify === 'Source' && digests === undefined && options.verbosity !== 'Quiet') screen.line(digestsNotKept);
  const orders = { interruption, limitBytesPerSecond: options.limitBytesPerSecond };
  const report =
    digests === undefined
      ? await watchTransfer(transfer, view, orders)
      : digests.close(await watchTransfer({ ...transfer, digestsFd: digests.fd }, view, orders));
  tellReport(report, view, transfer.dryRun);
  const { filesUnchanged } = report.counters;
  if (digests !== undefined && filesUnchanged > 0 && options.verbosity !== 'Quiet') {
    screen.line(`no digest was written for ${readableCount(filesUnchanged, 'file')} left alone`);
  }
  const due = statusOfReport(report);
  const status = listing?.isLost && due === exitStatus.done ? exitStatus.failed : due;
  if (!options.json) return status;
  return deliverAnswer(`${JSON.stringify(documentOf(report, transfer))}\n`, status, screen);
}

/** The status of a job, and what only a command has to say: how long it took, not rounded to seconds, and that nothing was written. */
function documentOf(report: TransferReport, { verify, dryRun }: Transfer): object {
  const { durationMs, plannedBytes } = report;
  return {
    ...statusOfEnded(report, verify, dryRun),
    durationSeconds: durationMs / 1000,
    ...(dryRun ? { dryRun, plannedBytes } : {}),
  };
}

/** The one document of `--json` has standard output for itself. */
function wantsListing({ choices, progress, verbosity, json }: CopyOptions): boolean {
  return !json && verbosity !== 'Quiet' && (choices.dryRun || (progress && verbosity === 'Verbose'));
}

const digestsNotKept =
  '--verify-level source computes digests and compares nothing; they are not kept, --digests FILE keeps them, --verify-level readback or media compares';

type Given = Pick<Places, 'source' | 'destination'>;

/** As they were typed; a directory that receives a file is named with the file. */
function namePlaces({ source, destination }: Given, transfer: Transfer): Places {
  const areFiles = transfer.source.path.length > 0;
  const name = lastSegment(Buffer.from(transfer.destination.path));
  const receives = areFiles && !lastSegment(Buffer.from(destination)).equals(name);
  return { source, destination: receives ? joinPath(Buffer.from(destination), name) : destination, areFiles };
}

function planTransfer(options: CopyOptions, given: Given): { readonly transfer: Transfer; readonly plan: EnginePlan } {
  const ends = locateLocalEnds(Buffer.from(given.source), Buffer.from(given.destination));
  const { source, destination } = ends;
  const plan = planLocal(ends, options.engine);
  const transfer: Transfer = {
    source,
    destination,
    ...plan.parameters,
    update: options.update,
    ...options.choices,
    ...options.integrity,
    durability: options.durability,
    io: options.io,
    directIo: options.directIo,
    sparse: options.sparse,
    ...plan.memory,
    temporaries: nameTemporaries([Buffer.from('cli'), source.root, source.path, destination.root, destination.path], Date.now()),
    preserve: options.preserve,
    ...keepEverything,
    crossMounts: true,
    scanTotals: options.progress,
  };
  return { transfer, plan };
}
