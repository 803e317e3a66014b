import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../support/temporary-folder.ts';

const repository = join(import.meta.dirname, '..', '..');
const realCache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'smartcopy');

/** What is taken from the repository as it is: all that the set-up reads, except our own C++ and TypeScript. */
const kept = [
  'smartcopy',
  'toolchain',
  'package.json',
  'package-lock.json',
  'crds/package.json',
  'native/package.json',
  'native/CMakeLists.txt',
  'node-agent/package.json',
  'operator/package.json',
  'test/package.json',
];

/** An engine, an addon and a command line that build in seconds and still need every part of the real build. */
const smallSources: Readonly<Record<string, string>> = {
  'native/src/engine/digests.h': `#pragma once
namespace smartcopy {
unsigned char Blake3OfNothing();
unsigned char Xxh3OfNothing();
}`,
  'native/src/engine/digests.cc': `#include "digests.h"
#include <blake3.h>
namespace smartcopy {
unsigned char Blake3OfNothing() {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  unsigned char digest[BLAKE3_OUT_LEN];
  blake3_hasher_finalize(&hasher, digest, sizeof digest);
  return digest[0];
}
}`,
  'native/src/engine/xxh3_avx2.cc': `#define XXH_INLINE_ALL
#include <xxhash.h>
#include "digests.h"
namespace smartcopy {
unsigned char Xxh3OfNothing() { return static_cast<unsigned char>(XXH3_128bits("", 0).high64 >> 56); }
}`,
  'native/src/binding/binding.cc': `#include <napi.h>
#include "engine/digests.h"
static Napi::Object Start(Napi::Env env, Napi::Object exports) {
  exports.Set("blake3", Napi::Number::New(env, smartcopy::Blake3OfNothing()));
  exports.Set("xxh3", Napi::Number::New(env, smartcopy::Xxh3OfNothing()));
  return exports;
}
NODE_API_MODULE(smartcopy, Start)`,
  'native/fuzz/nothing.cc': '// The build of the tests wants a target here.\n',
  'native/test/digests_test.cc': `#include <gtest/gtest.h>
#include "src/engine/digests.h"
TEST(Digests, OfNothing) { EXPECT_EQ(smartcopy::Blake3OfNothing(), 0xaf); }`,
  'node-agent/src/cli/main.ts': `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const addon: unknown = createRequire(import.meta.url)('../../../native/build/smartcopy.node');
const commandLine = readFileSync('/proc/self/cmdline').toString('hex');
console.log(JSON.stringify({ pid: process.pid, node: process.execPath, folder: process.cwd(), commandLine, addon }));`,
};

/** The first bytes that `b3sum` and `xxhsum -H2` print for an empty file. */
export const digestsOfNothing = { blake3: 0xaf, xxh3: 0x99 };

type CacheKind = 'npm' | 'node' | 'sources';

export interface Clone {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * A copy of the repository that was never set up, in a temporary folder, with a cache of its own, as a shell of this host
 * would see it: without the Node that the tests run on first in PATH.
 * @param shared what is used of the real cache, so that a test need not fetch it again
 */
export async function throwAwayClone(t: TestContext, shared: readonly CacheKind[] = ['npm', 'node', 'sources']): Promise<Clone> {
  const base = await temporaryFolder(t);
  const folder = join(base, 'clone');
  for (const path of kept) await cp(join(repository, path), join(folder, path), { recursive: true });
  for (const [path, text] of Object.entries(smallSources)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${text}\n`);
  }
  const cache = join(base, 'cache', 'smartcopy');
  await mkdir(cache, { recursive: true });
  for (const kind of shared) {
    await mkdir(join(realCache, kind), { recursive: true });
    await symlink(join(realCache, kind), join(cache, kind));
  }
  const path = (process.env.PATH ?? '').split(delimiter).filter((place) => !place.startsWith(realCache));
  return { folder, environment: { ...process.env, XDG_CACHE_HOME: join(base, 'cache'), PATH: path.join(delimiter) } };
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error holds the text; rejects when the program ends without it. */
  readonly says: (text: string) => Promise<void>;
}

/** Starts a program in a process group of its own, so that a test can kill it with all its children. */
export function start(command: readonly [string, ...string[]], { folder, environment }: Clone): Running {
  const [program, ...programArguments] = command;
  const child = spawn(program, programArguments, { cwd: folder, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...output }));
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.stderr.includes(text)) resolve();
      };
      look();
      child.stderr.on('data', look);
      child.on('close', () => reject(new Error(`it ended without saying "${text}", but:\n${output.stderr}`)));
    });
  return { child, ended, says };
}

export async function launch(clone: Clone): Promise<Ended> {
  return await start(['./smartcopy'], clone).ended;
}
