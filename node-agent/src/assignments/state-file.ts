import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { assignment, assignmentReport, maxAssignments } from '@smartcopy/crds';
import type { Logger } from 'pino';
import { z } from 'zod';

/** A moment of the machine's present start, in milliseconds of its boot clock. */
const bootMoment = z.number();

const heldAllowance = z.object({ bytesPerSecond: z.int().min(0).nullable(), endMs: bootMoment });
export type HeldAllowance = z.infer<typeof heldAllowance>;

/** How an assignment ended: said until it is withdrawn, also by the next process. */
const ending = z.object({
  state: z.enum(['Succeeded', 'Failed']),
  ...assignmentReport.pick({ outcome: true, progress: true, engineUsed: true, errors: true }).shape,
  startedAtMs: bootMoment.optional(),
  firstByteAtMs: bootMoment.optional(),
});
export type Ending = z.infer<typeof ending>;

const keptAssignment = z.object({
  assignment,
  leaseEndMs: bootMoment,
  allowance: heldAllowance.optional(),
  /** How often it was begun. */
  attempt: z.int().min(0),
  ended: ending.optional(),
});
export type KeptAssignment = z.infer<typeof keptAssignment>;

/**
 * What is kept of an assignment that has gone: how often it was begun, so that temporary names never come again. There is no content
 * worth keeping: what was finished stands at the destination, where the engine finds it.
 */
const departure = z.object({
  id: assignment.shape.id,
  attempt: z.int().min(0),
  /** Milliseconds since 1970: the memory outlives a start of the machine. */
  goneAtMs: z.number(),
});
export type Departure = z.infer<typeof departure>;

/** Shards that come and go within a week, many times over; 60 bytes each. */
export const maxDepartures = 10_000;

const agentState = z.object({
  version: z.literal(1),
  bootId: z.string(),
  assignments: z.array(keptAssignment).max(maxAssignments),
  departures: z.array(departure).max(maxDepartures),
});
export type AgentState = Omit<z.infer<typeof agentState>, 'version'>;

const fileName = 'assignments.json';

/** The assignments as they outlive this process. One writer at a time: the lock on the directory sees to that. */
export class StateFile {
  readonly #folder: string;
  readonly #log: Logger;

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /**
   * What was saved last; of another start of the machine without its leases and moments. A file that cannot be understood is moved aside.
   * @throws NodeJS.ErrnoException when it is there and cannot be read
   */
  async load(bootId: string): Promise<AgentState> {
    const text = await this.#read();
    if (text === undefined) return { bootId, assignments: [], departures: [] };
    const parsed = agentState.safeParse(parseJson(text));
    if (parsed.success) return parsed.data.bootId === bootId ? parsed.data : withoutMoments(parsed.data, bootId);
    const aside = join(this.#folder, `${fileName}.unreadable`);
    await rename(this.#path, aside);
    this.#log.error(
      { movedTo: aside, problem: z.prettifyError(parsed.error).slice(0, 1000) },
      'saved assignments unreadable, starting empty',
    );
    return { bootId, assignments: [], departures: [] };
  }

  /** Returns once the state survives the loss of power. @throws NodeJS.ErrnoException, and then the old state stands */
  async save(state: AgentState): Promise<void> {
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ version: 1, ...state }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  get #path(): string {
    return join(this.#folder, fileName);
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** Leases were counted by a clock that has started anew, and so is nobody's word any more. */
function withoutMoments({ assignments, departures }: AgentState, bootId: string): AgentState {
  return {
    bootId,
    departures,
    assignments: assignments.map(({ assignment: kept, attempt, ended }) => {
      if (ended === undefined) return { assignment: kept, attempt, leaseEndMs: 0 };
      const { startedAtMs: _started, firstByteAtMs: _firstByte, ...rest } = ended;
      return { assignment: kept, attempt, leaseEndMs: 0, ended: rest };
    }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The schema says that it is nothing.
  }
}
