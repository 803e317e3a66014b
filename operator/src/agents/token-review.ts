import { agentTokenAudience } from '@smartcopy/crds';
import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';

const path = '/apis/authentication.k8s.io/v1/tokenreviews';

const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).default([]),
    user: z.object({ username: z.string().default(''), extra: z.record(z.string(), z.array(z.string())).default({}) }).optional(),
    error: z.string().optional(),
  }),
});

/** What the API server says about a token. */
export type TokenVerdict =
  | { readonly kind: 'proven'; readonly username: string; readonly podUid: string }
  | { readonly kind: 'refused'; readonly reason: 'TokenRefused' | 'WrongAudience' | 'NoPod'; readonly detail: string };

/**
 * Asks the API server whose token it is, and whether it was made for the operator.
 * @throws KubeApiError when the API server does not answer
 */
export async function reviewToken(client: KubeClient, token: string, signal: AbortSignal): Promise<TokenVerdict> {
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [agentTokenAudience] },
  };
  const { status } = tokenReview.parse(await client.post(path, review, signal));
  if (!status.authenticated || status.user === undefined) {
    return { kind: 'refused', reason: 'TokenRefused', detail: status.error ?? 'the API server does not accept it' };
  }
  // An authenticator that knows no audiences answers without them; then the token may have been made for anybody.
  if (!status.audiences.includes(agentTokenAudience)) {
    return { kind: 'refused', reason: 'WrongAudience', detail: `it was not made for ${agentTokenAudience}` };
  }
  const podUid = status.user.extra['authentication.kubernetes.io/pod-uid']?.[0];
  if (podUid === undefined) return { kind: 'refused', reason: 'NoPod', detail: 'it is not bound to a pod' };
  return { kind: 'proven', username: status.user.username, podUid };
}
