import type { z } from 'zod';
import { InputError } from '../errors.ts';

/**
 * The door for a command's options: commander gives words, the schema makes values of them.
 * @throws InputError with one sentence for each option that does not fit
 */
export function parseOptions<T>(schema: z.ZodType<T>, options: unknown): T {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new InputError(parsed.error.issues.map((issue) => issue.message).join('; '));
}
