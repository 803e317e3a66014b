import type { AddressInfo } from 'node:net';
import { OperatorError } from './errors.ts';

/** The port of a server that listens. @param address as `Server.address()` gives it @throws OperatorError when it listens on none */
export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new OperatorError('SC_INTERNAL', 'a server listens on no port');
  return address.port;
}
