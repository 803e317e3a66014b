import { z } from 'zod';
import { escapePath, pathHex } from '../engine/escape-path.ts';
import { InputError } from '../errors.ts';
import { describeHost, type HostFacts, type PlaceFacts } from '../system/describe-host.ts';
import { analysisTable } from './analysis-table.ts';
import { analyzeSparse } from './analyze-sparse.ts';
import { deliverAnswer } from './answer.ts';
import { argumentBytes } from './arguments.ts';
import type { CommandContext } from './dispatch.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { parseOptions } from './parse-options.ts';

const optionsSchema = z.object({ json: z.boolean().default(false), sparse: z.string().optional() });

/**
 * `smartcopy analyze`: what this host offers a copy.
 * @throws InputError when a path cannot be looked at
 */
export function analyze(options: unknown, operands: readonly string[], { screen }: CommandContext): ExitStatus {
  const { json, sparse } = parseOptions(optionsSchema, options);
  if (sparse !== undefined) return deliverAnswer(analyzeSparse(argumentBytes(sparse), json), exitStatus.done, screen);
  const paths = operands.length === 0 ? [Buffer.from('.')] : operands.map(argumentBytes);
  const facts = describeOrRefuse(paths);
  const text = json ? `${JSON.stringify({ ...facts, places: facts.places.map(placeForJson) }, undefined, 2)}\n` : analysisTable(facts);
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

function placeForJson({ path, ...facts }: PlaceFacts): object {
  const hex = pathHex(path);
  return { path: escapePath(path), ...(hex === undefined ? {} : { pathHex: hex }), ...facts };
}
