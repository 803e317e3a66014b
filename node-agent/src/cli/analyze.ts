import { probeIoUring } from '@smartcopy/native';
import { z } from 'zod';
import { escapePath, pathHex } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { describeDetails, type HostDetails } from '../system/describe-details.ts';
import { describeHost, type HostFacts, type PlaceFacts } from '../system/describe-host.ts';
import { HostFiles } from '../system/host-files.ts';
import { hasSystemCallFilter, judgeIoUring } from '../system/io-uring.ts';
import { readKernel } from '../system/kernel.ts';
import { analysisTable } from './analysis-table.ts';
import { analyzeSparse } from './analyze-sparse.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import { detailsTable, ioUringTable } from './details-table.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { parseOptions } from './parse-options.ts';
import type { Screen } from './screen.ts';

const optionsSchema = z
  .object({
    json: z.boolean().default(false),
    detailed: z.boolean().default(false),
    ioUring: z.boolean().default(false),
    sparse: z.string().optional(),
  })
  .refine(({ detailed, ioUring }) => !(detailed && ioUring), '--detailed has all that --io-uring says; give one')
  .refine(
    ({ detailed, ioUring, sparse }) => sparse === undefined || !(detailed || ioUring),
    '--sparse shows its FILE alone; leave --detailed and --io-uring out',
  );

/**
 * `smartcopy analyze`: what this host offers a copy.
 * @throws InputError when a path cannot be looked at
 */
export function analyze(options: unknown, operands: readonly string[], { screen }: CommandContext): ExitStatus {
  const { json, detailed, ioUring, sparse } = parseOptions(optionsSchema, options);
  if (sparse !== undefined && operands.length > 0) throw new InputError('--sparse shows its FILE alone, and takes no PATH besides');
  if (sparse !== undefined) return deliverAnswer(analyzeSparse(argumentBytes(sparse), json), exitStatus.done, screen);
  if (ioUring) return tellIoUring(json, operands, screen);
  const paths = operands.length === 0 ? [Buffer.from('.')] : operands.map(argumentBytes);
  const facts = describeOrRefuse(paths);
  const details = detailed ? describeDetails(paths) : undefined;
  const text = json
    ? `${JSON.stringify({ ...facts, places: facts.places.map(placeForJson), ...(details === undefined ? {} : { details: detailsForJson(details) }) }, undefined, 2)}\n`
    : `${analysisTable(facts)}${details === undefined ? '' : `\n${detailsTable(details)}`}`;
  return deliverAnswer(text, exitStatus.done, screen);
}

function describeOrRefuse(paths: readonly Buffer[]): HostFacts {
  try {
    return describeHost(paths);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && 'code' in error) {
      throw new InputError(`a path cannot be looked at: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function tellIoUring(json: boolean, operands: readonly string[], screen: Screen): ExitStatus {
  if (operands.length > 0) throw new InputError('--io-uring is about this host, and takes no PATH');
  const host = new HostFiles('/');
  const status = judgeIoUring(readKernel(host), probeIoUring(), hasSystemCallFilter(host));
  return deliverAnswer(json ? `${JSON.stringify(status, undefined, 2)}\n` : ioUringTable(status), exitStatus.done, screen);
}

function detailsForJson({ places, ...host }: HostDetails): object {
  return { ...host, places: places.map(({ path, ...place }) => ({ path: escapePath(path), ...place })) };
}

function placeForJson({ path, ...facts }: PlaceFacts): object {
  const hex = pathHex(path);
  return { path: escapePath(path), ...(hex === undefined ? {} : { pathHex: hex }), ...facts };
}
