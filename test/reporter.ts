import process from 'node:process';
import { Readable } from 'node:stream';
import type { TestEvent } from 'node:test/reporters';
import { spec } from 'node:test/reporters';

const countLine = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** Node's own report of a run, with the skipped tests by reason and name and the counts at the very end, below the failures. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped = new Map<string, string[]>();
  const counts: string[] = [];

  async function* withoutCounts(): AsyncGenerator<TestEvent> {
    for await (const event of events) {
      if (event.type === 'test:diagnostic' && countLine.test(event.data.message)) {
        counts.push(event.data.message);
        continue;
      }
      if (event.type === 'test:pass' && typeof event.data.skip === 'string') {
        skipped.set(event.data.skip, [...(skipped.get(event.data.skip) ?? []), event.data.name]);
      }
      yield event;
    }
  }

  for await (const text of Readable.from(withoutCounts()).compose(new spec())) yield String(text);
  if (skipped.size > 0) yield ['', 'skipped:', ...[...skipped].flatMap(linesOf), ''].join('\n');
  // Patterns that match nothing are no error to node, but a run without a test has shown nothing.
  if (counts.includes('tests 0')) process.exitCode = 1;
  yield counts.map((count) => `# ${count}\n`).join('');
}

/** What one missing thing has kept from running. */
function linesOf([reason, names]: readonly [string, readonly string[]]): readonly string[] {
  return [`  ${reason}:`, ...names.map((name) => `    ${name}`)];
}
