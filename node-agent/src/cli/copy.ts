import { locateLocalEnds } from '../engine/local-paths.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { statusOfEnded } from '../engine/transfer-status.ts';
import { readCpus } from '../system/cpus.ts';
import { HostFiles } from '../system/host-files.ts';
import { chooseThreadCount } from '../system/thread-count.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import { type CopyOptions, parseCopyOptions } from './copy-options.ts';
import type { Places } from './describe-failure.ts';
import { openDigestsFile } from './digests-file.ts';
import type { CommandContext } from './dispatch.ts';
import type { ExitStatus } from './exit-status.ts';
import { throwIfInterrupted } from './interruption.ts';
import { statusOfReport } from './summary.ts';
import { type TransferView, tellReport, watchTransfer } from './watch-transfer.ts';

/**
 * `smartcopy SRC DST`.
 * @throws InputError for options or paths that do not fit; RefusedError and NativeIoError when the engine cannot start
 */
export async function copy(
  givenOptions: unknown,
  [source = '', destination = '']: readonly string[],
  { screen, interruption }: CommandContext,
): Promise<ExitStatus> {
  const options = parseCopyOptions(givenOptions);
  const places = { source: argumentBytes(source), destination: argumentBytes(destination) };
  const view: TransferView = { screen, verbosity: options.verbosity, showProgress: options.progress, places };
  const transfer = planTransfer(options, places);
  await throwIfInterrupted(interruption.end);
  const digests = options.digestsFile === undefined ? undefined : await openDigestsFile(options.digestsFile, places, interruption);
  if (transfer.verify === 'Source' && digests === undefined && options.verbosity !== 'Quiet') screen.line(digestsNotKept);
  const orders = { interruption, limitBytesPerSecond: options.limitBytesPerSecond };
  const report =
    digests === undefined
      ? await watchTransfer(transfer, view, orders)
      : digests.close(await watchTransfer({ ...transfer, digestsFd: digests.fd }, view, orders));
  tellReport(report, view);
  const status = statusOfReport(report);
  if (!options.json) return status;
  return deliverAnswer(`${JSON.stringify(statusOfEnded(report, transfer.verify === 'Readback'))}\n`, status, screen);
}

const digestsNotKept =
  '--verify-level source computes digests and compares nothing; they are not kept, --digests FILE keeps them, --verify-level readback compares';

function planTransfer(options: CopyOptions, places: Places): Transfer {
  const { source, destination } = locateLocalEnds(Buffer.from(places.source), Buffer.from(places.destination));
  return {
    source,
    destination,
    threadCount: options.threadCount === 0 ? chooseThreadCount(readCpus(new HostFiles('/'))) : options.threadCount,
    bufferBytes: options.bufferBytes,
    update: options.update,
    ...options.integrity,
    durability: options.durability,
    temporaries: nameTemporaries([Buffer.from('cli'), source.root, source.path, destination.root, destination.path], Date.now()),
    crossMounts: true,
    scanTotals: options.progress,
  };
}
