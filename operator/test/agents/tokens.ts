import { agentTokenAudience } from '@smartcopy/crds';

export const username = 'system:serviceaccount:smartcopy-system:smartcopy-agent';

/** What the token of an agent pod says, for an hour. */
export function claimsOf({ podUid, nowMs }: { readonly podUid: string; readonly nowMs: number }) {
  return {
    aud: [agentTokenAudience],
    exp: nowMs / 1_000 + 3_600,
    sub: username,
    'kubernetes.io': { namespace: 'smartcopy-system', pod: { name: 'agent-x', uid: podUid } },
  };
}

/** A token that says this, signed by nobody. */
export function tokenOf(claims: object | null, signature = 'none'): string {
  const part = (value: object | null) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256' })}.${part(claims)}.${signature}`;
}
