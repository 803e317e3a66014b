import type { Identity } from './api-client.ts';

export interface Access {
  readonly url: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: string;
  /** A token file is read again by whoever uses it, so that the token in it may change. */
  readonly identity: Exclude<Identity, undefined> | { readonly tokenFile: string };
}

/** The text of a kubeconfig file that needs no other file. Kubernetes reads YAML there, and JSON is YAML. */
export function kubeconfigText({ url, ca, identity }: Access): string {
  const name = 'smartcopy';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': toBase64(ca) } }],
    users: [{ name, user: userOf(identity) }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function userOf(identity: Access['identity']): Readonly<Record<string, string>> {
  if ('certificate' in identity) {
    return { 'client-certificate-data': toBase64(identity.certificate), 'client-key-data': toBase64(identity.key) };
  }
  return identity;
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
