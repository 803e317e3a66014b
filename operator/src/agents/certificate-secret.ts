import { createPrivateKey, X509Certificate } from 'node:crypto';
import { toTime } from '@smartcopy/crds/progress';
import { z } from 'zod';
import type { KeyPair } from './certificate-authority.ts';
import type { CertificateState } from './certificate-rotation.ts';

/** Members of the Secret, in plain text. */
export type SecretTexts = Readonly<Record<string, string>>;

/** What cannot be said by a certificate, in the member rotation.json. */
const rotation = z.object({
  nextPublishedAt: z.iso.datetime().optional(),
  retired: z.array(z.object({ certificate: z.string(), until: z.iso.datetime() })).max(16),
});

export interface ReadSecret {
  /** Undefined when there is no authority that can be used, so that everything is to be made anew. */
  readonly state: CertificateState | undefined;
  /** What was there but cannot be used, one sentence each; without any of the secret text. */
  readonly problems: readonly string[];
}

/** Reads what an operator before this one, or somebody else, has put into the Secret. */
export function readSecret(texts: SecretTexts, nowMs: number): ReadSecret {
  const problems: string[] = [];
  const note = (what: string, problem: string | undefined): boolean => {
    if (problem !== undefined) problems.push(`${what} ${problem}`);
    return problem === undefined;
  };
  const pair = (name: string, kind: 'authority' | 'server'): KeyPair | undefined => {
    const found = { certificate: texts[`${name}.crt`], key: texts[`${name}.key`] };
    if (found.certificate === undefined && found.key === undefined) return undefined;
    const { certificate = '', key = '' } = found;
    return note(`${name}.crt with ${name}.key`, whyUnusable({ certificate, key }, kind, nowMs)) ? { certificate, key } : undefined;
  };
  const authority = pair('ca', 'authority');
  const server = pair('tls', 'server');
  const next = pair('next-ca', 'authority');
  const { nextPublishedAt, retired } = readRotation(texts['rotation.json'], (problem) => note('rotation.json', problem));
  if (authority === undefined) return { state: undefined, problems };
  const publishedAtMs = nextPublishedAt === undefined ? undefined : Date.parse(nextPublishedAt);
  const state = {
    authority,
    ...(server !== undefined && { server }),
    ...(next !== undefined && { next: { ...next, ...(publishedAtMs !== undefined && { publishedAtMs }) } }),
    retired: retired
      .map(({ certificate, until }) => ({ certificate, untilMs: Date.parse(until) }))
      .filter(({ certificate }) => note('a retired authority', whyNoCertificate(certificate))),
  };
  return { state, problems };
}

/** The Secret that `readSecret` reads. */
export function writeSecret({ authority, server, next, retired }: CertificateState): SecretTexts {
  const rest: z.input<typeof rotation> = {
    ...(next?.publishedAtMs !== undefined && { nextPublishedAt: toTime(next.publishedAtMs) }),
    retired: retired.map(({ certificate, untilMs }) => ({ certificate, until: toTime(untilMs) })),
  };
  return {
    'ca.crt': authority.certificate,
    'ca.key': authority.key,
    ...(server !== undefined && { 'tls.crt': server.certificate, 'tls.key': server.key }),
    ...(next !== undefined && { 'next-ca.crt': next.certificate, 'next-ca.key': next.key }),
    'rotation.json': JSON.stringify(rest),
  };
}

function readRotation(text: string | undefined, note: (problem: string) => void): z.infer<typeof rotation> {
  if (text === undefined) return { retired: [] };
  try {
    return rotation.parse(JSON.parse(text));
  } catch {
    note('is not what the operator writes');
    return { retired: [] };
  }
}

function whyUnusable({ certificate, key }: KeyPair, kind: 'authority' | 'server', nowMs: number): string | undefined {
  const problem = whyNoCertificate(certificate);
  if (problem !== undefined) return problem;
  const parsed = new X509Certificate(certificate);
  if (parsed.ca !== (kind === 'authority')) return kind === 'authority' ? 'is no authority' : 'is an authority';
  if (nowMs >= parsed.validToDate.getTime()) return 'has expired';
  if (nowMs < parsed.validFromDate.getTime()) return 'is not valid yet';
  return isKeyOf(key, parsed) ? undefined : 'do not belong together';
}

function whyNoCertificate(text: string): string | undefined {
  try {
    new X509Certificate(text);
    return undefined;
  } catch {
    return 'is no certificate';
  }
}

function isKeyOf(key: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // no private key
  }
}
