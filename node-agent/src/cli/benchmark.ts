import { statfsSync, statSync } from 'node:fs';
import { readableBytes, readableNumber, readableRate } from '@smartcopy/crds/progress';
import { z } from 'zod';
import { type BenchmarkPlan, type Measurement, measure, neededBytes, planBenchmark, rateOf } from '../benchmark/measurements.ts';
import { WorkFolder } from '../benchmark/work-folder.ts';
import { escapePath } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes, showArgument } from './arguments.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { parseOptions } from './parse-options.ts';
import { parseSize } from './sizes.ts';

const MiB = 1024 ** 2;
const maxSizeBytes = 1024 ** 4;

const optionsSchema = z.object({
  size: z.string().transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined && bytes >= MiB && bytes <= maxSizeBytes) return bytes;
    context.addIssue({ code: 'custom', message: `--size takes 1M to 1T, such as 1G, not '${showArgument(text)}'` });
    return z.NEVER;
  }),
  json: z.boolean().default(false),
});

/**
 * `smartcopy benchmark DIR`: what copies can reach on this storage, measured with the engine itself.
 * @throws InputError when DIR is no directory that can be written to, or has too little room
 */
export async function benchmark(
  options: unknown,
  [operand = '']: readonly string[],
  { screen, interruption }: CommandContext,
): Promise<ExitStatus> {
  const { size, json } = parseOptions(optionsSchema, options);
  const directory = argumentBytes(operand);
  const plan = planBenchmark(size);
  requireRoom(directory, plan);
  using folder = openFolder(directory);
  const measurements: Measurement[] = [];
  try {
    for await (const measurement of measure(folder, plan, interruption.end)) {
      measurements.push(measurement);
      // Where both streams go into one file the table would say it all again.
      if (!json && screen.isTerminal) screen.line(describe(measurement, measurements[0]));
    }
  } catch (error) {
    if (!interruption.end.aborted) throw error;
    screen.line('interrupted; what was written is removed');
  }
  const cancelled = interruption.end.aborted;
  const status = cancelled ? exitStatus.interrupted : exitStatus.done;
  if (!json) return cancelled ? status : deliverAnswer(drawTable(measurements), status, screen);
  const document = { directory: escapePath(directory), ...plan, cancelled, measurements: measurements.map(forJson) };
  return deliverAnswer(`${JSON.stringify(document, undefined, 2)}\n`, status, screen);
}

function requireRoom(directory: Buffer, plan: BenchmarkPlan): void {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory())
    throw new InputError(`${escapePath(directory)} is not a directory; name one on the storage to measure`);
  const { bsize, bavail } = statfsSync(directory);
  const [needed, free] = [neededBytes(plan), bsize * bavail];
  if (needed > free) {
    throw new InputError(
      `${escapePath(directory)} has ${readableBytes(free)} free, and ${readableBytes(needed)} are needed; choose a smaller --size`,
    );
  }
}

function openFolder(directory: Buffer): WorkFolder {
  try {
    return new WorkFolder(directory);
  } catch (error) {
    throw new InputError(`nothing can be written in ${escapePath(directory)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function drawTable(measurements: readonly Measurement[]): string {
  const width = Math.max(...measurements.map(({ name }) => name.length));
  return measurements.map((measurement) => `${measurement.name.padEnd(width)}  ${showValue(measurement, measurements[0])}\n`).join('');
}

function describe(measurement: Measurement, memory: Measurement | undefined): string {
  return `${measurement.name}: ${showValue(measurement, memory)}`;
}

function showValue(measurement: Measurement, memory: Measurement | undefined): string {
  if ('absent' in measurement) return `not measured: ${measurement.absent}`;
  const rate = rateOf(measurement);
  const share =
    memory === undefined || 'absent' in memory || memory === measurement
      ? ''
      : `, ${Math.round((100 * rate) / rateOf(memory))} % of the memory copy`;
  const files =
    'files' in measurement && measurement.files !== undefined
      ? `${readableNumber(Math.round(measurement.files / measurement.seconds))} files/s, `
      : '';
  return `${files}${readableRate(rate)}${share}`;
}

function forJson(measurement: Measurement): object {
  return 'absent' in measurement ? measurement : { ...measurement, bytesPerSecond: Math.round(rateOf(measurement)) };
}
