import { z } from 'zod';
import { objectMeta } from '../../src/kinds/object-meta.ts';
import { problemsOf, sentence } from '../../src/kinds/problem.ts';

/** What is wrong with a document of a kind, as sentences with the field in front, as `parseTransferJob` says it for jobs. */
export function problemsIn(document: unknown, kind: string, parts: { spec?: z.ZodType; status: z.ZodType }): readonly string[] {
  const schema = z.strictObject({
    apiVersion: z.literal('smartcopy.io/v1alpha1'),
    kind: z.literal(kind),
    metadata: objectMeta,
    ...(parts.spec === undefined ? {} : { spec: parts.spec }),
    status: parts.status.optional(),
  });
  return problemsOf(schema.safeParse(document, { error: sentence }).error?.issues ?? []);
}
