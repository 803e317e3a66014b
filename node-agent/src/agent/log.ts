import { type Logger, pino } from 'pino';

/** What must never be read in a log, at the top and one level down of what is logged. */
const secrets = ['token', 'authorization', 'password', 'secret', 'privateKey', 'credentials'];

/** The root logger: JSON lines on standard output. Messages are constants; values go into keys with their unit. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '(redacted)' },
  });
}
