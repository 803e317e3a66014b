import 'reflect-metadata'; // the library below is decorated with it
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

export interface Credential {
  /** Both in PEM. */
  readonly certificate: string;
  readonly key: string;
}

interface Subject {
  /** The user name that a client has for the API server. */
  readonly commonName: string;
  /** The user's group. */
  readonly organization?: string;
  /** Names and addresses of a server; absent makes a client's certificate. */
  readonly hosts?: readonly [string, ...string[]];
}

export interface Authority {
  /** Its certificate in PEM. */
  readonly certificate: string;
  readonly issue: (subject: Subject) => Promise<Credential>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 60 * 60 * 1000;
/** Longer than any test or playground runs; it starts an hour ago, for clocks that jump. */
const validForMs = 30 * 24 * hourMs;

/** A certificate authority that is forgotten with this process. */
export async function makeAuthority(): Promise<Authority> {
  const keys = await makeKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['smartcopy-test-ca'] }],
    keys,
    signingAlgorithm: algorithm,
    ...serialAndTimes(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  async function issue({ commonName, organization, hosts }: Subject): Promise<Credential> {
    const own = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [commonName] }, ...(organization === undefined ? [] : [{ O: [organization] }])],
      issuer: authority.subjectName,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      ...serialAndTimes(),
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([hosts === undefined ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...(hosts === undefined ? [] : [new x509.SubjectAlternativeNameExtension(hosts.map(toGeneralName))]),
      ],
    });
    return { certificate: toText(certificate), key: await privateKeyText(own) };
  }
  return { certificate: toText(authority), issue };
}

/** A key pair for signing service account tokens: the API server signs with `private`, and a test can do the same. */
export async function makeTokenKeys(): Promise<{ readonly private: string; readonly public: string }> {
  const keys = await makeKeys();
  const spki = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  return { private: await privateKeyText(keys), public: x509.PemConverter.encode(spki, x509.PemConverter.PublicKeyTag) };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privateKeyText({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), x509.PemConverter.PrivateKeyTag)}\n`;
}

function toText(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function serialAndTimes(): { readonly serialNumber: string; readonly notBefore: Date; readonly notAfter: Date } {
  const nowMs = Date.now();
  // The first byte is below 0x80 and not 0: a serial number is positive and has no leading zeros.
  return {
    serialNumber: `4${randomBytes(16).toString('hex').slice(1)}`,
    notBefore: new Date(nowMs - hourMs),
    notAfter: new Date(nowMs + validForMs),
  };
}

function toGeneralName(host: string): { readonly type: 'ip' | 'dns'; readonly value: string } {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}
