import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { runCli, runShell, temporaryDirectory } from './run-cli.ts';

const document = z.object({
  cpus: z.object({ onlineCount: z.int(), affinityCount: z.int(), usableCount: z.int().min(1), threadCount: z.int().min(1) }),
  memory: z.object({ totalBytes: z.int(), availableBytes: z.int() }),
  kernel: z.object({ release: z.string(), hasOpenat2: z.boolean(), ioUring: z.object({ support: z.enum(['None', 'Limited', 'Full']) }) }),
  ioUringProbe: z.union([
    z.object({ available: z.literal(true), operationCount: z.int().min(1) }),
    z.object({ available: z.literal(false), errno: z.string() }),
  ]),
  places: z.array(
    z.object({
      path: z.string(),
      pathHex: z.string().optional(),
      storage: z.object({ mountPoint: z.string(), fileSystem: z.string(), kind: z.string(), reflink: z.string() }),
      sizeBytes: z.int(),
      freeBytes: z.int(),
    }),
  ),
});

test('analyze --json tells the facts of this host', async () => {
  const { status, stdout, stderr } = await runCli(['analyze', '--json', '/', '/dev/null']);
  assert.equal(status, 0, stderr);
  const facts = document.parse(JSON.parse(stdout));
  assert.equal(facts.cpus.onlineCount, cpus().length);
  assert.equal(facts.memory.totalBytes, totalmem());
  assert.equal(facts.kernel.release, readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  assert.deepEqual(
    facts.places.map(({ path, storage }) => [path, storage.mountPoint]),
    [
      ['/', '/'],
      ['/dev/null', '/dev'],
    ],
  );
  assert.ok(facts.places.every(({ sizeBytes, freeBytes }) => freeBytes <= sizeBytes));
});

test('the affinity of the process is heeded', async () => {
  const { stdout } = await runShell('exec taskset -c 0 $smartcopy analyze --json');
  const facts = document.parse(JSON.parse(stdout));
  assert.deepEqual([facts.cpus.affinityCount, facts.cpus.threadCount], [1, 1]);
});

test('without --json a person reads a table, of the working directory if no path is given', async (t) => {
  const { status, stdout, stderr } = await runCli(['analyze'], temporaryDirectory(t));
  assert.equal(status, 0, stderr);
  for (const row of [
    /^CPU\n(.*\n)* {2}usable {10}\d+, so a copy starts /m,
    /^Memory\n/m,
    /^ {2}io_uring {8}/m,
    /^\.\n {2}file system {5}\w+ on \//m,
  ])
    assert.match(stdout, row);
});

test('a name that is no UTF-8 is shown escaped, with its bytes in JSON', async (t) => {
  const top = temporaryDirectory(t);
  const { stdout } = await runShell(`mkdir "$(printf 'a\\377')" && $smartcopy analyze --json "$(printf 'a\\377')"`, top);
  const [place] = document.parse(JSON.parse(stdout)).places;
  assert.deepEqual([place?.path, place?.pathHex], ['a\\xff', '61ff']);
});

test('a path that is not there is bad input', async (t) => {
  const { status, stdout, stderr } = await runCli(['analyze', join(temporaryDirectory(t), 'missing')]);
  assert.equal(status, 2);
  assert.match(stderr, /^smartcopy: a path cannot be looked at: ENOENT.*missing'\n$/);
  assert.equal(stdout, '');
});

test('--io-uring says the tier, whether a ring can be made, and why', async () => {
  const { status, stdout } = await runCli(['analyze', '--io-uring', '--json']);
  assert.equal(status, 0);
  const schema = z.object({ tier: z.enum(['Disabled', 'Limited', 'Full']), isUsable: z.boolean(), reason: z.string().min(1) });
  schema.parse(JSON.parse(stdout));
  assert.match(
    (await runCli(['analyze', '--io-uring'])).stdout,
    /^io_uring\n {2}kernel .* \(needed 5\.1, recommended 5\.6\)\n {2}tier .*\n {2}usable /,
  );
  assert.equal((await runCli(['analyze', '--io-uring', '/'])).status, 2);
  assert.equal((await runCli(['analyze', '--io-uring', '--detailed'])).status, 2);
});

test('--detailed tries what a place can do, tells how a copy there would run, and leaves nothing behind', async (t) => {
  const top = temporaryDirectory(t);
  const { status, stdout, stderr } = await runCli(['analyze', '--detailed', '--json', top]);
  assert.equal(status, 0, stderr);
  const ability = z.enum(['Yes', 'No', 'NotTried']);
  const schema = z.object({
    details: z.object({
      cpu: z.object({ features: z.record(z.string(), z.boolean()) }),
      bufferMemoryBytes: z.int().min(1),
      places: z.tuple([
        z.object({
          abilities: z.object({ isWritable: z.literal(true), reflink: ability, directIo: ability, xattrs: ability, posixAcls: ability }),
          plan: z.object({ parameters: z.object({ threadCount: z.int().min(1), bufferBytes: z.int().min(4096) }) }),
        }),
      ]),
    }),
  });
  const { abilities } = schema.parse(JSON.parse(stdout)).details.places[0];
  assert.ok(Object.values(abilities).every((value) => value !== 'NotTried'));
  assert.deepEqual(readdirSync(top), []);
  const { stdout: table } = await runCli(['analyze', '--detailed', '/proc']);
  assert.match(table, /^\/proc, tried\n {2}reflink {9}not tried: nothing may be written here\n/m);
  assert.match(table, /^ {2}a copy here {5}\d+ threads?, buffers of /m);
});
