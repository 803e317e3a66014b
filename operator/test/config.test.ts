import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('help names every option with its default', () => {
  assert.equal(readConfiguration(['--help']), 'help');
  assert.match(usage(), /--node-lease .*\(1h\)/);
});
