import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFor } from '../../test/support/chance.ts';
import { textNear } from '../../test/support/made-text.ts';
import { ConfigurationError, readConfiguration, usage } from '../src/config.ts';

test('without options everything has its documented default', () => {
  const configuration = readConfiguration([]);
  assert.ok(configuration !== 'help');
  const { instance, ...rest } = configuration;
  assert.notEqual(instance, '');
  assert.deepEqual(rest, {
    namespace: 'smartcopy-system',
    kubeconfig: undefined,
    host: '0.0.0.0',
    agentPort: 8443,
    apiPort: 8444,
    metricsPort: 9090,
    nodeLeaseMs: 3_600_000,
    leaseMarginMs: 15_000,
    agentServiceAccount: 'smartcopy-agent',
    agentSelector: 'app.kubernetes.io/component=agent',
    logLevel: 'info',
  });
});

test('durations have one number and one unit', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
  ] as const) {
    const configuration = readConfiguration(['--node-lease', text]);
    assert.equal(configuration !== 'help' && configuration.nodeLeaseMs, ms);
  }
});

const refused: readonly (readonly [given: readonly string[], message: RegExp])[] = [
  [['--agent-port', '65536'], /^--agent-port takes a port from 0 to 65535, not '65536'$/],
  [['--agent-port', 'http'], /^--agent-port takes a port/],
  [['--node-lease', '0s'], /^--node-lease takes a duration .*, not '0s'$/],
  [['--node-lease', '25h'], /^--node-lease takes a duration/],
  [['--lease-margin', '1h30m'], /^--lease-margin takes a duration/],
  [['--log-level', 'loud'], /^--log-level takes debug, info, warn, error, not 'loud'$/],
  [['--namespace', ''], /^--namespace takes a word/],
  [['--nonsense'], /nonsense.*--help lists the options/],
  [['apply'], /--help lists the options/],
];
for (const [given, message] of refused) {
  test(`refused: ${given.join(' ')}`, () => {
    assert.throws(
      () => readConfiguration(given),
      (error) => error instanceof ConfigurationError && message.test(error.message),
    );
  });
}

test('any duration, port or level is one in its bounds, or refused with its option', (t) => {
  const chance = chanceFor(t);
  let takenCount = 0;
  for (let round = 0; round < 5_000; round += 1) {
    const lease = textNear(chance, ['250ms', '90s', '15m', '24h', '1h30m', '0s', '-1s']);
    const port = textNear(chance, ['0', '8443', '65535', '65536', 'http']);
    try {
      const configuration = readConfiguration([`--node-lease=${lease}`, `--agent-port=${port}`]);
      assert.ok(configuration !== 'help');
      const { nodeLeaseMs, agentPort } = configuration;
      assert.ok(Number.isInteger(nodeLeaseMs) && nodeLeaseMs >= 1 && nodeLeaseMs <= 24 * 3_600_000, `${lease} is ${nodeLeaseMs} ms`);
      assert.ok(Number.isInteger(agentPort) && agentPort >= 0 && agentPort <= 65_535, `${port} is the port ${agentPort}`);
      takenCount += 1;
    } catch (error) {
      assert.ok(error instanceof ConfigurationError && /^--(node-lease|agent-port) takes /.test(error.message), String(error));
    }
  }
  assert.ok(takenCount > 100, `only ${takenCount} were taken`);
});

test('help names every option with its default', () => {
  assert.equal(readConfiguration(['--help']), 'help');
  assert.match(usage(), /--node-lease .*\(1h\)/);
});
