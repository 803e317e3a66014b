import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const manifest = 'crds/manifests/smartcopy.io_transferjobs.yaml';
const page = 'docs/transfer-job.md';
const policyPage = 'docs/transfer-policy.md';

test('a check names what is stale and how to make it fresh, and changes nothing', async (t) => {
  const copy = await repositoryCopy(t);
  await writeFile(join(copy, manifest), 'edited by hand\n');
  for (const path of [page, policyPage]) await writeFile(join(copy, path), '<!-- fields: spec -->\n<!-- end of fields -->\n');

  const { status, stderr } = generate(copy, '--check');

  const stale = [manifest, page, policyPage].map((path) => `${path} is not what the schemas say; run: npm run generate\n`);
  assert.equal(stderr, stale.join(''));
  assert.equal(status, 1);
  assert.equal(await readFile(join(copy, manifest), 'utf8'), 'edited by hand\n');
});

test('generating makes every file fresh, also one that is missing, and says which', async (t) => {
  const copy = await repositoryCopy(t);
  await rm(join(copy, manifest));

  assert.equal(generate(copy).stdout, `wrote ${manifest}\n`);

  assert.deepEqual(generate(copy, '--check'), { status: 0, stdout: '', stderr: '' });
  assert.equal(generate(copy).stdout, '');
  assert.equal(await readFile(join(copy, manifest), 'utf8'), await readFile(join(repository, manifest), 'utf8'));
});

/** As much of the repository as the generator reads. */
async function repositoryCopy(t: TestContext): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'smartcopy-generate-'));
  t.after(() => rm(copy, { recursive: true }));
  await mkdir(join(copy, 'crds'));
  for (const path of ['crds/src', 'crds/manifests', 'crds/package.json', page, policyPage]) {
    await cp(join(repository, path), join(copy, path), { recursive: true });
  }
  await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function generate(root: string, ...options: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'crds/src/generate.ts'), ...options], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
