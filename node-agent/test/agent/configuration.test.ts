import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { ConfigurationError, readConfiguration, usage } from '../../src/agent/configuration.ts';

const needed = ['--operator=https://operator:8443', '--token-file=/run/token', '--ca-file=/run/ca.crt'];

test('options have defaults; a root is seen where the node has it unless its path says otherwise', async (t) => {
  const file = join(await temporaryFolder(t), 'agent.yaml');
  writeFileSync(
    file,
    'roots:\n  - { alias: scratch, hostPath: /mnt/scratch, path: /host/mnt/scratch }\n  - alias: archive\n    hostPath: /mnt/archive\n',
  );
  const configuration = readConfiguration([...needed, `--config=${file}`]);
  assert.ok(configuration !== 'help');
  const { operator, ...rest } = configuration;
  assert.equal(operator.href, 'https://operator:8443/');
  assert.deepEqual(rest, {
    stateFolder: '/var/lib/smartcopy',
    tokenFile: '/run/token',
    caFile: '/run/ca.crt',
    host: '0.0.0.0',
    metricsPort: 9091,
    logLevel: 'info',
    roots: [
      { alias: 'scratch', hostPath: '/mnt/scratch', path: '/host/mnt/scratch' },
      { alias: 'archive', hostPath: '/mnt/archive', path: '/mnt/archive' },
    ],
  });
});

test('help names every option', () => {
  assert.equal(readConfiguration(['--help']), 'help');
  for (const option of ['operator', 'token-file', 'ca-file', 'state-dir', 'config', 'host', 'metrics-port', 'log-level']) {
    assert.match(usage(), new RegExp(`^  --${option} `, 'm'));
  }
});

const wrongOptions: readonly (readonly [given: readonly string[], sentence: RegExp])[] = [
  [needed.slice(1), /^--operator is missing: where the operator listens/],
  [['--operator=http://operator:8443', ...needed.slice(1)], /^--operator takes an address such as https:\/\/operator:8443, not 'http:/],
  [['--operator=https://operator/path', ...needed.slice(1)], /^--operator takes an address/],
  [[...needed, '--metrics-port=70000'], /^--metrics-port takes a port from 0 to 65535, not '70000'$/],
  [[...needed, '--log-level=loud'], /^--log-level takes debug, info, warn, error, not 'loud'$/],
  [[...needed, '--no-such'], /'--no-such'.*--help lists the options$/],
  [[...needed, '--config=/no/such.yaml'], /^\/no\/such\.yaml cannot be read: ENOENT/],
];
for (const [given, sentence] of wrongOptions) {
  test(`a wrong command line is refused: ${sentence.source}`, () => {
    assert.throws(
      () => readConfiguration(given),
      (error) => error instanceof ConfigurationError && sentence.test(error.message),
    );
  });
}

const wrongFiles: readonly (readonly [text: string, sentence: RegExp])[] = [
  ['', /: the file: /],
  ['roots: [', /agent\.yaml:1: /],
  ['roots: []\nmore: 1', /: the file: Unrecognized key: "more"$/],
  ['roots: [{ alias: UP, hostPath: /mnt/a }]', /: roots\[0\]\.alias: must be lower-case letters/],
  ['roots: [{ alias: a, hostPath: mnt/a }]', /: roots\[0\]\.hostPath: must be absolute/],
  [
    'roots: [{ alias: a, hostPath: /etc/kubernetes }]',
    /: roots\[0\]\.hostPath: must not be, hold or lie in a directory that the node itself lives by/,
  ],
  ['roots: [{ alias: a, hostPath: /mnt/a, path: host/a }]', /: roots\[0\]\.path: must be the absolute path/],
  [
    'roots: [{ alias: a, hostPath: /mnt/a }, { alias: a, hostPath: /mnt/a, path: /b }]',
    /: roots\[1\]: must not repeat the alias and hostPath/,
  ],
  [
    'roots: [{ alias: a, hostPath: /mnt/a/b }, { alias: b, hostPath: /mnt/a, path: /host/a }]',
    /: roots\[0\]: must not lie inside another root, as it does in 'b' \(\/mnt\/a\)$/,
  ],
  [
    'roots: [{ alias: a, hostPath: /mnt/a }, { alias: b, hostPath: /mnt/b, path: /mnt/c/../a/..b }]',
    /: roots\[1\]: must not lie inside another root, as it does in 'a' \(\/mnt\/a\)$/,
  ],
  [
    ['roots: &a [x, x]', ...'bcdefgh']
      .map((name, index) => (index === 0 ? name : `${name}: &${name} [${`*${'abcdefg'[index - 1]}, `.repeat(9)}]`))
      .join('\n'),
    /agent\.yaml: Excessive alias count/,
  ],
  ['%YAML 1.1\n---\n<<: *x', /agent\.yaml: Merge sources/],
  ['roots: [{ alias: a, hostPath: /mnt/a, mode: rw }]', /: roots\[0\]: Unrecognized key: "mode"$/],
];
for (const [text, sentence] of wrongFiles) {
  test(`a wrong agent.yaml is refused: ${sentence.source}`, async (t) => {
    const file = join(await temporaryFolder(t), 'agent.yaml');
    writeFileSync(file, text);
    assert.throws(
      () => readConfiguration([...needed, `--config=${file}`]),
      (error) => error instanceof ConfigurationError && sentence.test(error.message),
    );
  });
}

test('an alias may stand for several directories', async (t) => {
  const file = join(await temporaryFolder(t), 'agent.yaml');
  writeFileSync(file, 'roots: [{ alias: a, hostPath: /mnt/a }, { alias: a, hostPath: /mnt/a-b }]');
  const configuration = readConfiguration([...needed, `--config=${file}`]);
  assert.equal(configuration !== 'help' && configuration.roots.length, 2);
});
