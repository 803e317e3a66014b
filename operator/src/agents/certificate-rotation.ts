import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type KeyPair, makeAuthority, makeServerCertificate, type Validity, validityOf } from './certificate-authority.ts';

/** Everything that is kept about certificates. What is in it can be used; what could not was left out when it was read. */
export interface CertificateState {
  /** The authority that signs. */
  readonly authority: KeyPair;
  /** What the server shows. */
  readonly server?: KeyPair;
  /** The authority that is to sign next. `publishedAtMs` says since when agents can find it among those to trust. */
  readonly next?: KeyPair & { readonly publishedAtMs?: number };
  /** Authorities that sign no more, until the last certificate that each has signed has expired. */
  readonly retired: readonly RetiredAuthority[];
}

interface RetiredAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly untilMs: number;
}

export interface RotationOptions {
  readonly authorityLifetimeMs: number;
  readonly serverLifetimeMs: number;
  /** From when the next authority is published until it signs: by then every agent has read it. */
  readonly graceMs: number;
  /** What agents may call the operator; the first is what they check. */
  readonly names: readonly [string, ...string[]];
}

/** One step towards the certificates that should be there. */
type RotationStep = 'makeServer' | 'makeNext' | 'adoptNext' | 'dropRetired';

export interface Rotated {
  readonly state: CertificateState;
  readonly server: KeyPair;
  /** What was done, in order; empty when everything was as it should be. */
  readonly steps: readonly (RotationStep | 'makeAuthority')[];
}

const authorityName = 'smartcopy agents';
/** Renewed when so much of its life is over: what is left is time to mend what keeps a renewal from working. */
const renewAfter = 2 / 3;
/** For nodes whose clocks are behind; less where a certificate does not live for long. */
const maxBackdateMs = 5 * 60_000;
/** Each step is taken at most once in a pass, unless lifetimes are shorter than the pass. */
const maxSteps = 8;

/** Brings the certificates to what they should be now. @param state undefined when there are none that can be used */
export async function rotate(state: CertificateState | undefined, nowMs: number, options: RotationOptions): Promise<Rotated> {
  const steps: Rotated['steps'][number][] = [];
  let current = state;
  if (current === undefined) {
    current = { authority: await makeAuthority(authorityName, validityFrom(nowMs, options.authorityLifetimeMs)), retired: [] };
    steps.push('makeAuthority');
  }
  for (
    let step = nextStep(current, nowMs, options);
    step !== undefined && steps.length < maxSteps;
    step = nextStep(current, nowMs, options)
  ) {
    current = await takeStep(step, current, { nowMs, options });
    steps.push(step);
  }
  const server = current.server ?? (await makeServer(current.authority, nowMs, options));
  return { state: { ...current, server }, server, steps };
}

/** What to do next, if anything. Pure: the same state at the same time gives the same step. */
function nextStep(state: CertificateState, nowMs: number, options: RotationOptions): RotationStep | undefined {
  const { authority, server, next, retired } = state;
  if (next?.publishedAtMs !== undefined && nowMs >= next.publishedAtMs + options.graceMs) return 'adoptNext';
  if (next === undefined && isDue(authority, nowMs)) return 'makeNext';
  if (server === undefined || !isSignedBy(server, authority) || !hasNames(server, options.names) || isDue(server, nowMs))
    return 'makeServer';
  if (retired.some(({ untilMs }) => untilMs <= nowMs)) return 'dropRetired';
  return undefined;
}

/** Those that agents are to trust, PEM one after the other, the oldest first: whatever the server may show them now or soon is signed by one of these. */
export function bundleOf({ authority, next, retired }: CertificateState): string {
  return [...retired, authority, ...(next === undefined ? [] : [next])].map(({ certificate }) => certificate).join('');
}

async function takeStep(
  step: RotationStep,
  state: CertificateState,
  { nowMs, options }: { readonly nowMs: number; readonly options: RotationOptions },
): Promise<CertificateState> {
  switch (step) {
    case 'makeServer':
      return { ...state, server: await makeServer(state.authority, nowMs, options) };
    case 'makeNext':
      return { ...state, next: await makeAuthority(authorityName, validityFrom(nowMs, options.authorityLifetimeMs)) };
    case 'adoptNext':
      return await adoptNext(state, nowMs, options);
    case 'dropRetired':
      return { ...state, retired: state.retired.filter(({ untilMs }) => untilMs > nowMs) };
  }
}

/** The next authority signs from now on. The one before is still trusted, for an operator that shows the certificate that it signed last. */
async function adoptNext(state: CertificateState, nowMs: number, options: RotationOptions): Promise<CertificateState> {
  const { authority, server, next, retired } = state;
  if (next === undefined) return state;
  const untilMs = server === undefined ? nowMs : validityOf(server.certificate).toMs;
  return {
    authority: { certificate: next.certificate, key: next.key },
    server: await makeServer(next, nowMs, options),
    retired: [...retired, { certificate: authority.certificate, untilMs }],
  };
}

async function makeServer(authority: KeyPair, nowMs: number, { serverLifetimeMs, names }: RotationOptions): Promise<KeyPair> {
  const validity = validityFrom(nowMs, serverLifetimeMs);
  // Beyond the life of its authority nobody would trust it.
  const toMs = Math.min(validity.toMs, validityOf(authority.certificate).toMs);
  return await makeServerCertificate(authority, names, { ...validity, toMs });
}

function validityFrom(nowMs: number, lifetimeMs: number): Validity {
  return { fromMs: nowMs - Math.min(maxBackdateMs, lifetimeMs / 10), toMs: nowMs + lifetimeMs };
}

function isDue({ certificate }: KeyPair, nowMs: number): boolean {
  const { fromMs, toMs } = validityOf(certificate);
  return nowMs >= fromMs + (toMs - fromMs) * renewAfter;
}

function isSignedBy(server: KeyPair, authority: KeyPair): boolean {
  return new X509Certificate(server.certificate).verify(new X509Certificate(authority.certificate).publicKey);
}

function hasNames(server: KeyPair, names: readonly string[]): boolean {
  const certificate = new X509Certificate(server.certificate);
  return names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);
}
