import process from 'node:process';
import operatorPackage from '../package.json' with { type: 'json' };
import { type Configuration, ConfigurationError, readConfiguration, usage } from './config.ts';
import { createLogger } from './log.ts';
import { runOperator } from './operator.ts';

/** Ended by a signal in good order: 0. Bad options: 2. Anything else: 1, with the reason in the log. */
process.exitCode = await main();

async function main(): Promise<number> {
  const configuration = read();
  if (typeof configuration === 'number') return configuration;
  const log = createLogger(configuration.logLevel);
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => end.abort());
  try {
    await runOperator(configuration, { version: operatorPackage.version, log }, end.signal);
    return 0;
  } catch (error) {
    log.error({ err: error }, 'the operator failed');
    return 1;
  }
}

/** @returns the exit status when there is nothing to run */
function read(): Configuration | number {
  try {
    const configuration = readConfiguration(process.argv.slice(2));
    if (configuration !== 'help') return configuration;
    process.stdout.write(usage());
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`smartcopy operator: ${error.message}\n`);
    return 2;
  }
}
