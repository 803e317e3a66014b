import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Chance, chanceFor } from '../../../test/support/chance.ts';
import { oneOf, textNear } from '../../../test/support/made-text.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { readJobFile } from '../../src/cli/job-file.ts';
import { readRoots } from '../../src/cli/roots.ts';
import { readYamlFile } from '../../src/cli/yaml-file.ts';
import { InputError } from '../../src/errors.ts';

const examples = ['transferjob.yaml', 'smartcopy.yaml'].map((name) =>
  readFileSync(new URL(`../../../examples/${name}`, import.meta.url), 'utf8').replace(/^#.*\n/gm, ''),
);

async function fileIn(t: TestContext, name: string): Promise<Buffer> {
  return Buffer.from(join(await temporaryFolder(t), name));
}

/** Whether it was taken; thrown may only be what people are told. */
function isTaken(read: () => void, text: string): boolean {
  try {
    read();
    return true;
  } catch (error) {
    assert.ok(error instanceof InputError, `${JSON.stringify(text)}: ${error}`);
    assert.ok(error.message.length > 0 && error.message.length < 20_000, `a message of ${error.message.length} characters`);
    return false;
  }
}

test('any file of jobs or of roots is read, or refused in a sentence', async (t) => {
  const chance = chanceFor(t);
  const file = await fileIn(t, 'smartcopy.yaml');
  let takenCount = 0;
  for (let round = 0; round < 400; round += 1) {
    const text = textNear(chance, examples);
    writeFileSync(file, text);
    if (isTaken(() => readJobFile(file), text)) takenCount += 1;
    isTaken(() => readRoots(file, []), text);
  }
  assert.ok(takenCount > 20, `only ${takenCount} were jobs`);
});

const traps: readonly (readonly [name: string, text: string])[] = [
  ['lists within lists', '['.repeat(20_000)],
  ['maps within maps', '{a: '.repeat(10_000)],
  ['a mistake at every character', '"'.repeat(20_000)],
  [
    'aliases that unfold without end',
    ['a: &a [x, x]', ...[...'bcdefghij'].map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]},`.repeat(9)}]`)].join('\n'),
  ],
  ['a list in itself', '&a [*a]'],
  ['a merge of what is no map', '%YAML 1.1\n---\n<<: *x\n'],
  ['a key that is a map', '? {a: [1]}\n: 2'],
  ['a prototype', '__proto__: {apiVersion: smartcopy.io/v1alpha1, kind: TransferJob}'],
  ['types of older YAML', '%YAML 1.1\n---\n- !!set {a, b}\n- !!omap [a: 1]\n- 2001-01-01\n- !!binary "@"'],
];
for (const [name, text] of traps) {
  test(`refused in a sentence: ${name}`, async (t) => {
    const file = await fileIn(t, 'jobs.yaml');
    writeFileSync(file, text);
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    assert.equal(
      isTaken(() => readJobFile(file), text),
      false,
    );
    await new Promise(setImmediate);
    process.off('warning', note);
    assert.deepEqual(warnings, [], 'nothing else is written to stderr');
  });
}

function anyValue(chance: Chance, depth: number): unknown {
  const word = (): string => textNear(chance, ['run42', '2026/run42', 'yes', '0x10', '1e3', 'null', '- a', '# b', ' ']).toWellFormed();
  switch (chance.index(depth > 0 ? 7 : 5)) {
    case 0:
      return chance.fraction() < 0.5;
    case 1:
      return chance.index(2 ** 40);
    case 2:
      return null;
    case 5:
      return Array.from({ length: chance.index(4) }, () => anyValue(chance, depth - 1));
    case 6:
      return Object.fromEntries(Array.from({ length: chance.index(4) }, () => [`k ${chance.index(99)}`, anyValue(chance, depth - 1)]));
    default:
      return word();
  }
}

test('JSON is YAML: any value is read as what was written', async (t) => {
  const chance = chanceFor(t);
  const file = await fileIn(t, 'value.yaml');
  for (let round = 0; round < 500; round += 1) {
    const value = { value: anyValue(chance, 3), list: [oneOf(chance, ['', '\\', '"', "'"])] };
    writeFileSync(file, JSON.stringify(value));
    assert.deepEqual(readYamlFile(file)[0]?.value, value);
  }
});
