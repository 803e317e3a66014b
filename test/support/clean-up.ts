import type { TestContext } from 'node:test';

type CleanUp = () => Promise<void> | void;

const pending = new WeakMap<TestContext, CleanUp[]>();

/**
 * Registers what undoes something when the test ends, however it ends. The newest runs first, because later things stand on
 * earlier ones (a mount on its folder), and all of them run even if some fail; `t.after` alone does neither.
 */
export function cleanUp(t: TestContext, undo: CleanUp): void {
  const known = pending.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const all = [undo];
  pending.set(t, all);
  t.after(() => undoAll(all));
}

async function undoAll(all: CleanUp[]): Promise<void> {
  const errors: unknown[] = [];
  for (let undo = all.pop(); undo !== undefined; undo = all.pop()) {
    try {
      await undo();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'the test left something behind');
}
