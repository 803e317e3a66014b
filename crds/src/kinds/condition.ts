import { z } from 'zod';
import { time } from './time.ts';

/**
 * metav1.Condition for the condition types of one kind.
 * The bounds are tighter than Kubernetes' own (1024 and 32768), so that objects stay small.
 */
export function conditionOf<const Types extends readonly string[]>(types: Types) {
  return z.object({
    type: z.enum(types).describe('Which statement this is.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether the statement holds.'),
    observedGeneration: z
      .int()
      .min(0)
      .meta({ format: 'int64' })
      .optional()
      .describe('The metadata.generation that the statement is about.'),
    lastTransitionTime: time.describe('When status changed last.'),
    reason: reason.describe('Why, as one word in PascalCase that a script can compare.'),
    message: z.string().max(1024).describe('Why, as a sentence for people.'),
  });
}

/** A word in PascalCase. */
export const reason = z
  .string()
  .max(64)
  .regex(/^[A-Z][A-Za-z0-9]*$/, { error: 'must be one word in PascalCase' });
