import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { group, type KindDefinition } from '../kinds/kind-definition.ts';
import { nodeAgentKind } from '../kinds/node-agent.ts';
import { transferJobKind } from '../kinds/transfer-job.ts';
import { transferPolicyKind } from '../kinds/transfer-policy.ts';
import { transferShardKind } from '../kinds/transfer-shard.ts';
import { customResourceDefinition, objectSchema } from './custom-resource-definition.ts';
import { withFieldLists } from './field-lists.ts';

/** A file of which all or a part is made from the schemas. */
interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  /** What the file should hold, given what it holds; a file that is generated whole ignores that. */
  readonly render: (current: string) => string;
}

const kinds: readonly KindDefinition[] = [transferJobKind, transferPolicyKind, transferShardKind, nodeAgentKind];

const generatedFiles: readonly GeneratedFile[] = [
  ...kinds.map((kind) => ({ path: `crds/manifests/${group}_${kind.plural}.yaml`, render: () => manifest(kind) })),
  { path: 'docs/transfer-job.md', render: (page) => withFieldLists(page, objectSchema(transferJobKind)) },
  { path: 'docs/transfer-policy.md', render: (page) => withFieldLists(page, objectSchema(transferPolicyKind)) },
];

/** The paths of the generated files that do not hold what they should, relative to the repository at `root`. */
export async function staleFiles(root: string): Promise<string[]> {
  return (await renderAll(root)).filter(({ current, content }) => content !== current).map(({ path }) => path);
}

/** Writes the files that are stale and returns their paths. */
export async function writeGeneratedFiles(root: string): Promise<string[]> {
  const stale = (await renderAll(root)).filter(({ current, content }) => content !== current);
  for (const { path, content } of stale) await writeFile(join(root, path), content);
  return stale.map(({ path }) => path);
}

async function renderAll(root: string): Promise<{ path: string; current: string; content: string }[]> {
  return Promise.all(
    generatedFiles.map(async ({ path, render }) => {
      const current = await readIfThere(join(root, path));
      return { path, current, content: render(current) };
    }),
  );
}

function manifest(definition: KindDefinition): string {
  const header = `# Generated from ${definition.declaredIn} by \`npm run generate\`. Do not edit: change the schema and run that again.\n`;
  // Kubernetes reads YAML 1.1, where more words need quotes than in 1.2 (on, off, yes, no). Every text stays on its line, so that
  // a difference shows which one changed.
  return header + stringify(customResourceDefinition(definition), { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
