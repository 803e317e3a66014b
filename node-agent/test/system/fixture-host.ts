import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { HostFiles } from '../../src/system/host-files.ts';

/** A file's text, or where a symbolic link leads. */
export type FixtureEntry = string | { readonly link: string };

/** A made-up /proc and /sys in a temporary directory, removed with the test. */
export function fixtureHost(t: TestContext, entries: Readonly<Record<string, FixtureEntry>>): HostFiles {
  const root = mkdtempSync(join(tmpdir(), 'smartcopy-host-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, entry] of Object.entries(entries)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (typeof entry === 'string') writeFileSync(join(root, path), entry);
    else symlinkSync(entry.link, join(root, path));
  }
  return new HostFiles(root);
}
