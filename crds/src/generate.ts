// Writes every file that is made from the schemas: node crds/src/generate.ts
// With --check it writes nothing, names the stale ones and ends with status 1.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { staleFiles, writeGeneratedFiles } from './generation/generated-files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

if (values.check) {
  const stale = await staleFiles(root);
  for (const path of stale) console.error(`${path} is not what the schemas say; run: npm run generate`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const path of await writeGeneratedFiles(root)) console.log(`wrote ${path}`);
}
