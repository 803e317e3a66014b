import { readableCount } from '@smartcopy/crds/progress';
import { joinPath, lastSegment } from '../engine/byte-paths.ts';
import { locateLocalEnds } from '../engine/local-paths.ts';
import type { Transfer } from '../engine/run-transfer.ts';
import { nameTemporaries } from '../engine/temporaries.ts';
import { statusOfEnded } from '../engine/transfer-status.ts';
import { readCpus } from '../system/cpus.ts';
import { engineMemory } from '../system/engine-memory.ts';
import { HostFiles } from '../system/host-files.ts';
import { chooseThreadCount } from '../system/thread-count.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import { type CopyOptions, parseCopyOptions } from './copy-options.ts';
import { openDigestsFile } from './digests-file.ts';
import type { CommandContext } from './dispatch.ts';
import type { ExitStatus } from './exit-status.ts';
import { throwIfInterrupted } from './interruption.ts';
import type { Places } from './places.ts';
import { statusOfReport } from './summary.ts';
import { type TransferView, tellReport, watchTransfer } from './watch-transfer.ts';

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
  const transfer = planTransfer(options, given);
  const places = namePlaces(given, transfer);
  const view: TransferView = { screen, verbosity: options.verbosity, showProgress: options.progress, places };
  await throwIfInterrupted(interruption.end);
  const digests = options.digestsFile === undefined ? undefined : await openDigestsFile(options.digestsFile, places, interruption);
  if (transfer.verify === 'Source' && digests === undefined && options.verbosity !== 'Quiet') screen.line(digestsNotKept);
  const orders = { interruption, limitBytesPerSecond: options.limitBytesPerSecond };
  const report =
    digests === undefined
      ? await watchTransfer(transfer, view, orders)
      : digests.close(await watchTransfer({ ...transfer, digestsFd: digests.fd }, view, orders));
  tellReport(report, view);
  const { filesUnchanged } = report.counters;
  if (digests !== undefined && filesUnchanged > 0 && options.verbosity !== 'Quiet') {
    screen.line(`no digest was written for ${readableCount(filesUnchanged, 'file')} left alone`);
  }
  const status = statusOfReport(report);
  if (!options.json) return status;
  return deliverAnswer(`${JSON.stringify(statusOfEnded(report, transfer.verify === 'Readback'))}\n`, status, screen);
}

const digestsNotKept =
  '--verify-level source computes digests and compares nothing; they are not kept, --digests FILE keeps them, --verify-level readback compares';

type Given = Pick<Places, 'source' | 'destination'>;

/** As they were typed; a directory that receives a file is named with the file. */
function namePlaces({ source, destination }: Given, transfer: Transfer): Places {
  const areFiles = transfer.source.path.length > 0;
  const name = lastSegment(Buffer.from(transfer.destination.path));
  const receives = areFiles && !lastSegment(Buffer.from(destination)).equals(name);
  return { source, destination: receives ? joinPath(Buffer.from(destination), name) : destination, areFiles };
}

function planTransfer(options: CopyOptions, given: Given): Transfer {
  const { source, destination } = locateLocalEnds(Buffer.from(given.source), Buffer.from(given.destination));
  const host = new HostFiles('/');
  const threadCount = options.threadCount === 0 ? chooseThreadCount(readCpus(host)) : options.threadCount;
  return {
    source,
    destination,
    threadCount,
    bufferBytes: options.bufferBytes,
    update: options.update,
    ...options.integrity,
    durability: options.durability,
    io: options.io,
    directIo: options.directIo,
    sparse: options.sparse,
    ...engineMemory(host, threadCount),
    temporaries: nameTemporaries([Buffer.from('cli'), source.root, source.path, destination.root, destination.path], Date.now()),
    crossMounts: true,
    scanTotals: options.progress,
  };
}
