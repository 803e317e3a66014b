import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Allowance, Assignment, AssignmentReport, AssignmentSpec } from '@smartcopy/crds';
import { type Logger, pino } from 'pino';
import { cleanUp } from '../../../test/support/clean-up.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { plantTree, type TreeDescription } from '../../../test/support/tree.ts';
import type { TransferMeter } from '../../src/assignments/assignment-run.ts';
import { Assignments } from '../../src/assignments/assignments.ts';
import { FailureLogs } from '../../src/assignments/failure-logs.ts';
import { type ConfiguredRoot, RootTable } from '../../src/assignments/root-table.ts';
import { StateFile } from '../../src/assignments/state-file.ts';
import type { BootClock } from '../../src/system/boot-clock.ts';

/** A clock that stands still until it is told otherwise. */
class ManualBootClock implements BootClock {
  bootId = 'boot-1';
  atMs = 1_000_000;

  nowMs(): number {
    return this.atMs;
  }

  pass(ms: number): void {
    this.atMs += ms;
  }
}

const unheard: TransferMeter = { counted: () => undefined, failed: () => undefined, ended: () => undefined };
export const silent: Logger = pino({ level: 'silent' });

/** A node with two roots of its own, and an agent's assignments on it; whatever runs is stopped when the test ends. */
export class Node {
  readonly folder: string;
  readonly clock = new ManualBootClock();
  readonly roots: readonly ConfiguredRoot[];
  readonly #t: TestContext;

  private constructor(t: TestContext, folder: string) {
    this.#t = t;
    this.folder = folder;
    this.roots = [
      { alias: 'data', hostPath: '/mnt/data', path: join(folder, 'data') },
      { alias: 'archive', hostPath: '/mnt/archive', path: join(folder, 'archive') },
    ];
  }

  /** @param source what the root `data` holds */
  static async make(t: TestContext, source: TreeDescription): Promise<Node> {
    const node = new Node(t, await temporaryFolder(t));
    plantTree(node.path('data'), source);
    mkdirSync(node.path('archive'));
    mkdirSync(node.path('state'));
    return node;
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** The assignments of a new agent process, as far as it is about them: what is saved is taken up, time does not pass by itself. */
  async load({ log = silent, meter = unheard }: { readonly log?: Logger; readonly meter?: TransferMeter } = {}): Promise<Assignments> {
    const roots = new RootTable(this.roots);
    await roots.look();
    const state = this.path('state');
    const assignments = await Assignments.load({
      stateFile: new StateFile(state, log),
      failureLogs: new FailureLogs(state, log),
      roots,
      clock: this.clock,
      meter,
      threadsBeside: () => 2,
      engineRoom: { maxThreadCount: 8, memoryBytes: 64 * 1024 ** 2 },
      nodes: [],
      log,
    });
    cleanUp(this.#t, () => assignments.stop());
    return assignments;
  }

  /** The same, with its loops running. */
  async start(options: { readonly log?: Logger } = {}): Promise<Assignments> {
    const assignments = await this.load(options);
    const end = new AbortController();
    const running = assignments.run(end.signal);
    cleanUp(this.#t, async () => {
      end.abort();
      await running;
    });
    return assignments;
  }
}

export const shard = '6f0c3a1e-r1-0';
export const leaseMs = 60_000;

interface AssignmentParts extends Partial<Omit<AssignmentSpec, 'job'>> {
  readonly id?: string;
  readonly epoch?: number;
}

/** An assignment that copies the root `data` into `copy` of the root `archive`. */
export function assignmentOf({ id = shard, epoch = 1, ...spec }: AssignmentParts = {}): Assignment {
  return {
    id,
    epoch,
    leaseMs,
    spec: {
      job: { namespace: 'climate', name: 'run42', uid: '6f0c3a1e-0000-4000-8000-000000000000' },
      index: 0,
      source: { alias: 'data', hostPath: '/mnt/data', subPath: '', path: '', crossMounts: false },
      destination: { alias: 'archive', hostPath: '/mnt/archive', subPath: '', path: 'copy', crossMounts: false },
      update: 'IfDifferent',
      durability: 'None',
      ...spec,
    },
  };
}

/** What the operator would answer: these assignments, all under one limit. @param bytesPerSecond null for none */
export function answerOf(
  assignments: readonly Assignment[],
  bytesPerSecond: number | null = null,
  validForMs = 15_000,
): { assignments: Assignment[]; allowances: Allowance[] } {
  const allowances = assignments.map(({ id }) => ({ assignment: id, bytesPerSecond, validForMs }));
  return { assignments: [...assignments], allowances };
}

export function reportOf(assignments: Assignments, id = shard): AssignmentReport | undefined {
  return assignments.reports().find(({ assignment }) => assignment === id);
}

/** Waits until the report about an assignment has a state. */
export async function untilState(assignments: Assignments, state: AssignmentReport['state'], id = shard): Promise<AssignmentReport> {
  return await eventually(`${id} is ${state}`, () => {
    const report = reportOf(assignments, id);
    return report?.state === state ? report : undefined;
  });
}

export function bytesDone(assignments: Assignments): number {
  return reportOf(assignments)?.progress?.bytesDone ?? 0;
}
