import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';

/** One object that somebody wants to see. */
export interface Wanted {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export type Access =
  | { readonly kind: 'allowed'; readonly user: string }
  | { readonly kind: 'Unauthenticated' | 'Forbidden'; readonly message: string };

/** Longer than any token that an API server gives out. */
const maxTokenLength = 16 * 1024;

const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().optional(),
        groups: z.array(z.string()).optional(),
        extra: z.record(z.string(), z.array(z.string())).optional(),
      })
      .default({ username: '' }),
  }),
});
type User = z.infer<typeof tokenReview>['status']['user'];

const accessReview = z.object({ status: z.object({ allowed: z.boolean(), reason: z.string().optional() }) });

/**
 * Asks the API server, in the person's own name, whether the bearer of a token may `get` an object. Nothing is remembered: a right
 * that is taken away is gone with the next question.
 * @param authorization the header as it came
 * @throws KubeApiError when the API server cannot be asked
 */
export async function reviewAccess(
  client: KubeClient,
  authorization: string | undefined,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Access> {
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '') ?? [];
  if (token === undefined || token.length > maxTokenLength) {
    return { kind: 'Unauthenticated', message: 'send a token that the API server accepts: Authorization: Bearer <token>' };
  }
  const user = await reviewToken(client, token, signal);
  if (user === undefined) return { kind: 'Unauthenticated', message: 'the API server does not accept this token; get a new one' };
  if (await mayGet(client, user, wanted, signal)) return { kind: 'allowed', user: user.username };
  const object = `${wanted.resource} ${wanted.name} in namespace ${wanted.namespace}`;
  return { kind: 'Forbidden', message: `${user.username} may not get ${object}; ask for the role smartcopy-view there` };
}

async function reviewToken(client: KubeClient, token: string, signal: AbortSignal): Promise<User | undefined> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
  const { status } = tokenReview.parse(await client.post('/apis/authentication.k8s.io/v1/tokenreviews', review, signal));
  return status.authenticated && status.user.username !== '' ? status.user : undefined;
}

async function mayGet(client: KubeClient, user: User, wanted: Wanted, signal: AbortSignal): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: user.username, uid: user.uid, groups: user.groups, extra: user.extra, resourceAttributes: { verb: 'get', ...wanted } },
  };
  const { status } = accessReview.parse(await client.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', review, signal));
  return status.allowed;
}
