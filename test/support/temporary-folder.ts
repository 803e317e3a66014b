import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cleanUp } from './clean-up.ts';
import { removeFolder } from './remove-folder.ts';

/** A folder that lives in memory, on every Linux that has one. */
const memoryFolder = '/dev/shm';
/** What the host and the programs under test keep for themselves. */
const spareBytes = 4 * 1024 ** 3;

export interface FolderNeed {
  /** Bytes that will be written into it at most: it is made in memory where that much is free, which spares the disk. */
  readonly memoryBytes?: number;
}

/** An empty folder that is gone, with all it holds, when the test has ended. */
export async function temporaryFolder(t: TestContext, { memoryBytes }: FolderNeed = {}): Promise<string> {
  const parent = memoryBytes !== undefined && hasMemory(memoryBytes) ? memoryFolder : tmpdir();
  const folder = await mkdtemp(join(parent, 'smartcopy-test-'));
  cleanUp(t, () => removeFolder(folder));
  return folder;
}

function hasMemory(bytes: number): boolean {
  const [, kib] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return kib !== undefined && Number(kib) * 1024 > bytes + spareBytes;
}
