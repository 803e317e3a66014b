import { movedBytes, nextRate, startRate } from '../engine/rate.ts';
import { ControlBlock, runTransfer, type Transfer, type TransferReport } from '../engine/run-transfer.ts';
import type { EnginePlan } from '../system/engine-plan.ts';
import type { Listing } from './answer.ts';
import { describeFailure } from './describe-failure.ts';
import type { Interruption } from './interruption.ts';
import type { Places } from './places.ts';
import { type ProgressMoment, progressBar, progressText } from './progress-line.ts';
import type { Screen } from './screen.ts';
import { describeDetails, describeLosses, describePlan, describeRefusedWays, summarise } from './summary.ts';

export type Verbosity = 'Quiet' | 'Normal' | 'Verbose';

/** How a transfer is shown while it runs. */
export interface TransferView {
  readonly screen: Screen;
  readonly verbosity: Verbosity;
  readonly showProgress: boolean;
  /** By what names the person knows the two ends. */
  readonly places: Places;
  /** Where each entry is listed, if that is wanted. */
  readonly listing?: Listing | undefined;
}

export interface TransferOrders {
  readonly interruption: Interruption;
  readonly limitBytesPerSecond: number | undefined;
}

const barIntervalMs = 100; // Ten times a second looks alive, and costs nothing.
const lineIntervalMs = 5_000; // For logs: enough to see a stall, few enough to read.
const firstLineMs = 1_000;

/**
 * Runs a transfer before a person's eyes: what was decided, progress if wanted, every failure at once, and the two kinds
 * of Ctrl-C. Says as much as the verbosity allows.
 * @throws what runTransfer throws
 */
export async function watchTransfer(transfer: Transfer, view: TransferView, orders: TransferOrders): Promise<TransferReport> {
  const { screen, verbosity, showProgress, places, listing } = view;
  if (verbosity === 'Verbose') screen.line(describePlan(transfer, orders.limitBytesPerSecond));
  const control = new ControlBlock();
  control.limit(orders.limitBytesPerSecond);
  using _display = showProgress ? displayProgress(screen, control) : undefined;
  return await runTransfer(transfer, {
    signal: orders.interruption.end,
    abandon: orders.interruption.abandon,
    control,
    ...(listing === undefined ? {} : { onLines: (lines: Buffer) => listing.write(lines) }),
    onFailures: (failures) => {
      const told = verbosity === 'Quiet' ? failures.filter((failure) => !failure.refused) : failures;
      for (const failure of told) screen.line(describeFailure(failure, places));
    },
  });
}

/** What was chosen for the two ends, and what of a person's word could not be kept. */
export function tellPlan({ reasons, reductions }: Pick<EnginePlan, 'reasons' | 'reductions'>, { screen, verbosity }: TransferView): void {
  if (verbosity !== 'Quiet') for (const reduction of reductions) screen.line(reduction);
  if (verbosity === 'Verbose') for (const reason of reasons) screen.line(reason);
}

/** What came of a transfer, as much of it as the verbosity allows. */
export function tellReport(report: TransferReport, { screen, verbosity }: TransferView, isDryRun = false): void {
  const { digestsError } = report;
  if (digestsError !== undefined) screen.line(`the digests are incomplete: ${digestsError.syscall}: ${digestsError.errno}`);
  if (verbosity === 'Verbose') for (const detail of describeDetails(report)) screen.line(detail);
  if (verbosity === 'Quiet') return;
  for (const refused of describeRefusedWays(report)) screen.line(refused);
  for (const loss of describeLosses(report.losses)) screen.line(loss);
  screen.line(summarise(report, isDryRun));
}

function displayProgress(screen: Screen, control: ControlBlock): Disposable {
  let rate = startRate(performance.now(), 0);
  const look = (): ProgressMoment => {
    const counters = control.counters();
    rate = nextRate(rate, performance.now(), movedBytes(counters));
    return { counters, bytesPerSecond: rate.bytesPerSecond };
  };
  return screen.isTerminal ? drawRegularly(screen, look) : printRegularly(screen, look);
}

function drawRegularly(screen: Screen, look: () => ProgressMoment): Disposable {
  const timer = setInterval(() => {
    const moment = look();
    screen.drawBar((columns) => progressBar(moment, columns));
  }, barIntervalMs);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      screen.clearBar();
    },
  };
}

function printRegularly(screen: Screen, look: () => ProgressMoment): Disposable {
  const print = (): void => screen.line(progressText(look()));
  const first = setTimeout(print, firstLineMs);
  const timer = setInterval(print, lineIntervalMs);
  return {
    [Symbol.dispose]: () => {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}
