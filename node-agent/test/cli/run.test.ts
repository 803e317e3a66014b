import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { transferJobStatus } from '@smartcopy/crds';
import { parse } from 'yaml';
import { z } from 'zod';
import { runCli, runShell, startCli, temporaryDirectory, withoutMounts } from './run-cli.ts';

/** Two roots with a small tree in the first, and a smartcopy.yaml that names them. */
function workshop(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const top = temporaryDirectory(t);
  mkdirSync(join(top, 'roots/archive'), { recursive: true });
  const all = {
    'roots/scratch/run42/a.txt': 'alpha',
    'roots/scratch/run42/sub/b.txt': 'beta',
    'jobs/smartcopy.yaml': 'roots: { scratch: ../roots/scratch, archive: ../roots/archive }\n',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
  return top;
}

interface JobParts {
  readonly name?: string;
  readonly from?: string;
  readonly to?: string;
  readonly more?: string;
}

function jobText({
  name = 'one',
  from = 'root: scratch, path: run42',
  to = 'root: archive, path: copy',
  more = '',
}: JobParts = {}): string {
  return `apiVersion: smartcopy.io/v1alpha1
kind: TransferJob
metadata: { name: ${name}, namespace: climate }
spec:
  source:
    nodePath: { ${from}, nodeName: worker-1 }
  destination:
    nodePath: { ${to}, nodeName: worker-2 }
${more}`;
}

test('a job is carried out, and its status printed as a cluster would show it', async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText({ more: '  verify: {}\n' }) });
  const { status, stdout, stderr } = await runCli(['run', 'jobs/job.yaml'], top);
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(join(top, 'roots/archive/copy/sub/b.txt'), 'utf8'), 'beta');
  assert.match(stderr, /^smartcopy: there is no cluster here, so every nodeName means this host \(worker-1, worker-2\)$/m);
  assert.match(stderr, /^smartcopy: job climate\/one: scratch:run42 to archive:copy$/m);
  assert.match(stdout, /^# NAME {3}PHASE {6}PROGRESS {3}RATE.*ETA {3}AGE\n# one {4}Complete {3}100% /);
  const { kind, metadata, status: printed } = parse(stdout); // The table is comments.
  assert.equal(kind, 'TransferJob');
  assert.deepEqual(metadata, { name: 'one', namespace: 'climate' });
  const jobStatus = transferJobStatus.parse(printed);
  assert.equal(jobStatus.phase, 'Complete');
  assert.equal(jobStatus.progress?.bytesVerified, 9);
});

test('a second run leaves equal files alone, because that is the default of a job', async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText() });
  await runCli(['run', '-q', 'jobs/job.yaml'], top);
  const { stderr, stdout, status } = await runCli(['run', 'jobs/job.yaml'], top);
  assert.equal(status, 0);
  assert.match(stderr, /^smartcopy: 0 files, 0 B in .* s, 2 unchanged$/m);
  assert.equal(transferJobStatus.parse(parse(stdout).status).progress?.filesUnchanged, 2);
});

test('the fields of the job reach the engine', async (t) => {
  const more =
    '  update: Always\n  verify: { algorithm: BLAKE3, level: Source }\n  durability: File\n  bandwidth: { limit: 1Gi }\n  parallelism: { threadsPerNode: 3 }\n  engine: { bufferSize: 64Ki }\n';
  const { stderr } = await runCli(['run', '-v', 'jobs/job.yaml'], workshop(t, { 'jobs/job.yaml': jobText({ more }) }));
  assert.match(
    stderr,
    /^smartcopy: 3 threads, buffers of 64\.0 KiB; every file is copied; BLAKE3 digests; durability File; at most 1\.0 GiB\/s$/m,
  );
});

test('--root names a directory too, and wins', async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText(), 'elsewhere/run42/c.txt': 'gamma', 'other/job.yaml': jobText() });
  assert.equal((await runCli(['run', '-q', '--root', 'scratch=elsewhere', 'jobs/job.yaml'], top)).status, 0);
  assert.equal(readFileSync(join(top, 'roots/archive/copy/c.txt'), 'utf8'), 'gamma');
  const withoutFile = ['run', '-q', '--root', 'scratch=elsewhere', '--root=archive=roots/archive', 'other/job.yaml'];
  assert.equal((await runCli(withoutFile, top)).status, 0);
});

test('several jobs run one after the other, and one that fails does not stop the next', async (t) => {
  const jobs = [jobText({ name: 'missing', from: 'root: scratch, path: nothing-here' }), jobText({ name: 'two' })].join('---\n');
  const top = workshop(t, { 'jobs/jobs.yaml': `---\n${jobs}---\n` });
  const { status, stdout, stderr } = await runCli(['run', '--json', 'jobs/jobs.yaml'], top);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^smartcopy: job climate\/missing: the source scratch:nothing-here does not exist \(.*\/roots\/scratch\/nothing-here\)$/m,
  );
  const list = z
    .object({
      kind: z.literal('TransferJobList'),
      items: z.array(z.object({ metadata: z.object({ name: z.string() }), status: transferJobStatus })),
    })
    .parse(JSON.parse(stdout));
  assert.deepEqual(
    list.items.map((item) => [item.metadata.name, item.status.phase]),
    [
      ['missing', 'Failed'],
      ['two', 'Complete'],
    ],
  );
  assert.ok(existsSync(join(top, 'roots/archive/copy/a.txt')));
});

test('a job that is suspended is not begun, and that is not success', async (t) => {
  const prepared = 'roots: { scratch: ../roots/scratch, archive: made }\nprepare: { archive: [mkdir, made] }\n';
  const top = workshop(t, { 'jobs/smartcopy.yaml': prepared, 'jobs/job.yaml': jobText({ more: '  suspend: true\n' }) });
  const { status, stdout, stderr } = await runCli(['run', 'jobs/job.yaml'], top);
  assert.equal(status, 1);
  assert.match(stderr, /^smartcopy: job climate\/one: suspended; set spec\.suspend to false to run it$/m);
  assert.doesNotMatch(stderr, /scratch:run42 to/);
  assert.match(stdout, /^# NAME {3}PHASE {7}PROGRESS.*\n# one {4}Suspended /);
  const jobStatus = transferJobStatus.parse(parse(stdout).status);
  assert.equal(jobStatus.phase, 'Suspended');
  assert.deepEqual(
    jobStatus.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason]),
    [
      ['Complete', 'False', 'Suspended'],
      ['Suspended', 'True', 'Suspended'],
    ],
  );
  assert.deepEqual([jobStatus.startTime, jobStatus.completionTime], [undefined, undefined]);
  assert.ok(!existsSync(join(top, 'made')), 'its roots are not prepared');
  assert.match((await runCli(['run', '-q', 'jobs/job.yaml'], top)).stderr, /^smartcopy: job climate\/one: suspended; [^\n]*\n$/);
});

test('a suspended job does not keep the others of the file from running', async (t) => {
  const jobs = [
    jobText({ name: 'resting', to: 'root: archive, path: resting', more: '  suspend: true\n' }),
    jobText({ name: 'two', more: '  suspend: false\n' }),
  ];
  const top = workshop(t, { 'jobs/jobs.yaml': jobs.join('---\n') });
  assert.equal((await runCli(['run', 'jobs/jobs.yaml'], top)).status, 1);
  assert.ok(existsSync(join(top, 'roots/archive/copy/a.txt')));
  assert.ok(!existsSync(join(top, 'roots/archive/resting')));
});

test('two aliases of one directory are found out when the job starts', async (t) => {
  const more = 'roots: { scratch: ../roots/scratch, archive: ../roots/scratch }\n';
  const top = workshop(t, { 'jobs/smartcopy.yaml': more, 'jobs/job.yaml': jobText({ to: 'root: archive, path: run42/inside' }) });
  const { status, stderr } = await runCli(['run', 'jobs/job.yaml'], top);
  assert.equal(status, 3);
  assert.match(stderr, /^smartcopy: job climate\/one: refused: .*inside/m);
});

test('a failure inside a job is named with its real path, and the status says Failed', async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText(), 'roots/archive/copy/a.txt/inner': 'in the way' });
  const { status, stdout, stderr } = await runCli(['run', 'jobs/job.yaml'], top);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^smartcopy: ${join(top, 'roots/archive/copy/a.txt')}: what the destination has by that name`, 'm'));
  const jobStatus = transferJobStatus.parse(parse(stdout).status);
  assert.equal(jobStatus.phase, 'Failed');
  assert.deepEqual(
    jobStatus.errors?.map(({ reason, side, path }) => [reason, side, path]),
    [['TypeConflict', 'Destination', 'a.txt']],
  );
});

const badFiles: readonly (readonly [name: string, text: string, sentences: readonly RegExp[]])[] = [
  ['broken YAML', 'apiVersion: [\nkind: x\n', [/jobs\/job\.yaml:2: /]],
  ['a key given twice', `${jobText()}  update: Always\n  update: Always\n`, [/jobs\/job\.yaml:10: .*unique/]],
  [
    'another kind',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n',
    [/jobs\/job\.yaml:1: apiVersion: must be/, /jobs\/job\.yaml:2: kind: must be TransferJob/],
  ],
  ['a list', '- a\n- b\n', [/jobs\/job\.yaml:1: .*object/]],
  ['nothing', '# only a comment\n', [/no TransferJob in it/]],
  [
    'an unknown field, deep down',
    jobText({ more: '  verify: { algorithm: BLAKE3, levle: Readback }\n' }),
    [/jobs\/job\.yaml:9: spec\.verify\.levle: .*no such field/],
  ],
  [
    'a path that leads out',
    jobText({ from: 'root: scratch, path: ../x' }),
    [/jobs\/job\.yaml:6: spec\.source\.nodePath\.path: must not contain a '\.\.' segment/],
  ],
  ['a missing part', jobText().replace(/ {2}destination:[\s\S]*$/, ''), [/jobs\/job\.yaml:5: spec\.destination: is required/]],
  [
    'mistakes in two documents',
    `${jobText({ more: '  durability: Sometimes\n' })}---\n${jobText({ name: 'Two' })}`,
    [/jobs\/job\.yaml:9: spec\.durability: must be/, /jobs\/job\.yaml:13: metadata\.name: must be/],
  ],
  [
    'one name twice',
    `${jobText()}---\n${jobText()}`,
    [/jobs\/job\.yaml:12: metadata\.name: climate\/one is already the name of the job at jobs\/job\.yaml:3/],
  ],
  [
    'roots that nobody named',
    jobText({ from: 'root: tape', to: 'root: moon' }),
    [/jobs\/job\.yaml:6: no directory is known for root tape; name it with --root tape=DIR/, /jobs\/job\.yaml:8: .* root moon/],
  ],
];
for (const [name, text, sentences] of badFiles) {
  test(`a file with ${name} is refused with its lines, and nothing is started`, async (t) => {
    const top = workshop(t, { 'jobs/job.yaml': text });
    const { status, stdout, stderr } = await runCli(['run', 'jobs/job.yaml'], top);
    for (const sentence of sentences) assert.match(stderr, sentence);
    assert.match(stderr, /^smartcopy: [^\n]+\n$/);
    assert.equal(stdout, '');
    assert.equal(status, 2);
    assert.ok(!existsSync(join(top, 'roots/archive/copy')));
  });
}

const badRoots: readonly (readonly [name: string, given: readonly string[], rootsFile: string | undefined, sentence: RegExp])[] = [
  [
    'a --root without a directory',
    ['--root', 'scratch'],
    undefined,
    /--root takes ALIAS=DIR, such as scratch=\/mnt\/scratch, not 'scratch'/,
  ],
  ['a --root with an odd alias', ['--root', 'Scr_atch=/tmp'], undefined, /--root takes ALIAS=DIR/],
  ['a root that is no directory', ['--root', 'scratch=/dev/null'], undefined, /root scratch: \/dev\/null is no directory/],
  ['a smartcopy.yaml with a stranger in it', [], 'roots: {}\nroot: x\n', /jobs\/smartcopy\.yaml:1: .*root/],
  ['a smartcopy.yaml that would steer the terminal', [], 'roots: {}\n"a\\eb": x\n', /^smartcopy: [ -~]*\\x1b[ -~]*\n$/],
  ['a smartcopy.yaml with an odd directory', [], 'roots:\n  scratch: 7\n  archive: x\n', /jobs\/smartcopy\.yaml:2: roots\.scratch/],
  ['a smartcopy.yaml that is no YAML', [], 'roots: {\n', /jobs\/smartcopy\.yaml:2: /],
  [
    'a root directory that is missing',
    [],
    'roots: { scratch: ../missing, archive: ../roots/archive }\n',
    /root scratch: jobs\/\.\.\/missing is no directory; make it/,
  ],
];
for (const [name, given, rootsFile, sentence] of badRoots) {
  test(`${name} is bad input`, async (t) => {
    const top = workshop(t, { 'jobs/job.yaml': jobText(), ...(rootsFile === undefined ? {} : { 'jobs/smartcopy.yaml': rootsFile }) });
    const { status, stderr } = await runCli(['run', ...given, 'jobs/job.yaml'], top);
    assert.match(stderr, sentence);
    assert.equal(status, 2);
  });
}

for (const [name, given, sentence] of [
  ['no file', ['run'], /missing required argument 'FILE'/],
  ['a missing file', ['run', 'no.yaml'], /no\.yaml cannot be read: ENOENT/],
  ['a file that is no text', ['run', process.execPath], /is larger than 4 MiB, so it is no file of TransferJobs/],
  ['an option of the copy', ['run', '--durability', 'none', 'no.yaml'], /unknown option '--durability'/],
] as const) {
  test(`run with ${name} exits with 2`, async (t) => {
    const { status, stderr } = await runCli(given, temporaryDirectory(t));
    assert.match(stderr, sentence);
    assert.equal(status, 2);
  });
}

test('a missing root is made by what smartcopy.yaml prepares, shown before it runs, once', async (t) => {
  const prepared = `roots: { scratch: made, archive: ../roots/archive }
prepare:
  scratch: [node, -e, "const fs = require('fs'); fs.mkdirSync('made/run42', {recursive: true}); fs.writeFileSync('made/run42/version', process.version)"]
`;
  const top = workshop(t, { 'jobs/smartcopy.yaml': prepared, 'jobs/job.yaml': jobText() });
  const first = await runShell('PATH=/nowhere $smartcopy run jobs/job.yaml', top);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stderr, /^smartcopy: root scratch is missing; smartcopy\.yaml has it made by: node -e const fs/m);
  // `node` was the Node that runs the program, whatever the host has.
  assert.equal(readFileSync(join(top, 'roots/archive/copy/version'), 'utf8'), process.version);
  const second = await runCli(['run', 'jobs/job.yaml'], top);
  assert.doesNotMatch(second.stderr, /missing/);
});

const failingPreparations: readonly (readonly [command: string, sentence: RegExp])[] = [
  ['[sh, -c, exit 3]', /root scratch: sh -c exit 3: ended with status 3/],
  ['[no-such-program-anywhere]', /root scratch: no-such-program-anywhere: .*ENOENT/],
  ['["true"]', /root scratch: .*made is no directory/],
];
for (const [command, sentence] of failingPreparations) {
  test(`a preparation ${command} that makes no root is bad input`, async (t) => {
    const rootsFile = `roots: { scratch: made, archive: ../roots/archive }\nprepare: { scratch: ${command} }\n`;
    const { status, stderr } = await runCli(
      ['run', 'jobs/job.yaml'],
      workshop(t, { 'jobs/smartcopy.yaml': rootsFile, 'jobs/job.yaml': jobText() }),
    );
    assert.match(stderr, sentence);
    assert.equal(status, 2);
  });
}

test('a signal during a preparation ends it, and starts no other job', { timeout: 20_000 }, async (t) => {
  const rootsFile =
    'roots: { scratch: made, archive: ../roots/archive }\nprepare: { scratch: [sh, -c, echo started >&2; exec sleep 60] }\n';
  const top = workshop(t, { 'jobs/smartcopy.yaml': rootsFile, 'jobs/job.yaml': `${jobText()}---\n${jobText({ name: 'two' })}` });
  const run = startCli(['run', '--json', 'jobs/job.yaml'], top);
  t.after(() => run.process.kill('SIGKILL'));
  run.process.stderr?.on('data', (text) => String(text).includes('started') && run.process.kill('SIGTERM'));
  const { status, stdout, stderr } = await run.result;
  assert.equal(status, 130);
  assert.match(stderr, /^smartcopy: 1 of 2 jobs were not started$/m);
  assert.equal(JSON.parse(stdout).items[0].status.conditions[0].reason, 'Interrupted');
});

test('a mount below the source or the destination is a failure by name, as in a cluster', { skip: withoutMounts() }, async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText() });
  mkdirSync(join(top, 'roots/scratch/run42/other'));
  mkdirSync(join(top, 'roots/archive/copy/sub'), { recursive: true });
  const { status, stdout, stderr } = await runShell(
    `exec unshare --mount --map-root-user sh -c 'mount -t tmpfs none roots/scratch/run42/other && echo x >roots/scratch/run42/other/file && mount -t tmpfs none roots/archive/copy/sub && exec "$@"' - $smartcopy run jobs/job.yaml`,
    top,
  );
  assert.equal(status, 1, stderr);
  const named = 'not copied: something is mounted there, and a job does not cross mounts \\(openat2: EXDEV\\)$';
  assert.match(stderr, new RegExp(`^smartcopy: .*/run42/other: ${named}`, 'm'));
  assert.match(stderr, new RegExp(`^smartcopy: .*/archive/copy/sub: ${named}`, 'm'));
  assert.equal(readFileSync(join(top, 'roots/archive/copy/a.txt'), 'utf8'), 'alpha');
  assert.ok(!existsSync(join(top, 'roots/archive/copy/other/file')));
  const jobStatus = transferJobStatus.parse(parse(stdout).status);
  assert.deepEqual([...new Set(jobStatus.errors?.map(({ reason }) => reason))], ['MountPoint']);
});

test('digests that nobody keeps are said to be', async (t) => {
  const top = workshop(t, { 'jobs/job.yaml': jobText({ more: '  verify: { level: Source }\n' }) });
  const notKept = /^smartcopy: job climate\/one: verify\.level Source computes digests and compares nothing; they are not kept/m;
  assert.match((await runCli(['run', 'jobs/job.yaml'], top)).stderr, notKept);
  assert.equal((await runCli(['run', '-q', 'jobs/job.yaml'], top)).stderr, '');
});

test('a status that cannot be written is exit status 1 and a sentence', async (t) => {
  for (const json of ['', '--json']) {
    const { status, stderr } = await runShell(
      `$smartcopy run ${json} job.yaml >/dev/full`,
      join(workshop(t, { 'jobs/job.yaml': jobText() }), 'jobs'),
    );
    assert.match(stderr, /^smartcopy: the answer could not be written to standard output: ENOSPC$/m);
    assert.equal(status, 1);
  }
});

test('-q says nothing when all went well', async (t) => {
  const { status, stdout, stderr } = await runCli(['run', '-q', 'jobs/job.yaml'], workshop(t, { 'jobs/job.yaml': jobText() }));
  assert.equal(status, 0);
  assert.equal(stdout + stderr, '');
});
