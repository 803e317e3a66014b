import { agentTokenAudience } from '@smartcopy/crds';
import { z } from 'zod';

/** The claims of a token of a pod, as the API server makes them. */
const podTokenClaims = z.object({
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
  sub: z.string(),
  'kubernetes.io': z.object({ pod: z.object({ uid: z.string() }).optional() }).optional(),
});

/** Why a token is not worth a question. */
export interface Implausible {
  readonly kind: 'refused';
  readonly reason: 'TokenRefused' | 'WrongAudience' | 'NoPod' | 'WrongAccount';
  readonly detail: string;
}

/** What a token says of itself. */
export interface Claimed {
  readonly kind: 'claimed';
  readonly podUid: string;
  /** Since 1970. */
  readonly expiresAtMs: number;
}

/**
 * Reads what a token says of itself. Anybody can say anything, so this proves nothing; but a token that does not even claim to be one of
 * an agent need not be asked about.
 * @param username of the agents' account
 */
export function readClaims(
  token: string,
  { username, nowMs }: { readonly username: string; readonly nowMs: number },
): Claimed | Implausible {
  const parsed = podTokenClaims.safeParse(payloadOf(token));
  if (!parsed.success) return implausible('TokenRefused', 'it is not a token of a service account');
  const { aud, exp, sub, 'kubernetes.io': kubernetes } = parsed.data;
  if (![aud].flat().includes(agentTokenAudience)) return implausible('WrongAudience', `it was not made for ${agentTokenAudience}`);
  if (nowMs >= exp * 1_000) return implausible('TokenRefused', 'it has expired');
  const podUid = kubernetes?.pod?.uid;
  if (podUid === undefined) return implausible('NoPod', 'it is not bound to a pod');
  if (sub !== username) return implausible('WrongAccount', `it is not a token of the account ${username}`);
  return { kind: 'claimed', podUid, expiresAtMs: exp * 1_000 };
}

function implausible(reason: Implausible['reason'], detail: string): Implausible {
  return { kind: 'refused', reason, detail };
}

/** The middle of the three parts of a JSON web token; undefined when it is none. */
function payloadOf(token: string): unknown {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
}
