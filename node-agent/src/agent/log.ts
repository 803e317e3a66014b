import { type Logger, pino } from 'pino';

/** What must never be read in a log, at the top and one level down of what is logged. */
const secrets = ['token', 'authorization', 'password', 'secret', 'privateKey', 'credentials'];

/** The root logger: JSON lines on standard output. Messages are constants; values go into keys with their unit. */
export function createLogger(level: string): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '(redacted)' },
  };
  // Written at once: what an agent says last is what somebody will ask about, and it may end by a signal.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
