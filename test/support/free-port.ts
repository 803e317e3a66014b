import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const lowestPort = 10_000;
const maxTries = 100;

/**
 * A TCP port of 127.0.0.1 on which nothing listens now, for servers that must be told a number, or keep one across restarts.
 * Below the range that the kernel gives to outgoing connections: from within it, a client that dials a stopped server again
 * and again may one day be given the server's port and be connected to itself. Somebody else may still take it first.
 */
export async function freePort(): Promise<number> {
  const [ephemeral = '32768'] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
  const end = Math.max(Number(ephemeral), lowestPort + 1000);
  for (let tries = 0; tries < maxTries; tries += 1) {
    const port = randomInt(lowestPort, end);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found between ${lowestPort} and ${end} in ${maxTries} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}
