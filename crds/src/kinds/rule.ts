import { z } from 'zod';

/**
 * A rule about a value, stated once for both doors: the API server evaluates `cel`, a door without one asks `holds`.
 * The two must agree; crds/test/kinds/transfer-job-cases.ts and its neighbours have objects for both.
 */
export interface Rule<Value> {
  /** Read after the field's path: what is wrong and what to do, `must be …; …`. One line. */
  readonly message: string;
  /** Whether the value may pass. It sees every value of the type, also one that another rule refuses, so it must not throw. */
  readonly holds: (value: Value) => boolean;
  /** The same as a CEL expression over `self`. */
  readonly cel: string;
  /** The member that the refusal names, when it is not the value itself. */
  readonly member?: string;
}

/**
 * The schema with rules: checked by zod, and written into its metadata as `x-kubernetes-validations`, which the CRD carries.
 * As the API server does it, rules are asked only about values of the right structure. All rules of a value are asked, so
 * a person sees everything at once; when one fails, those of the objects around it are not, so that they can rely on their members,
 * nor those that are added to this schema by another call. (The API server asks these too.)
 */
export function withRules<Schema extends z.ZodType>(schema: Schema, rules: readonly Rule<z.output<Schema>>[]): Schema {
  const checked = schema.check((context) => {
    if (context.issues.length > 0) return;
    for (const rule of rules) {
      if (rule.holds(context.value)) continue;
      const path = rule.member === undefined ? [] : [rule.member];
      context.issues.push({ code: 'custom', message: rule.message, path, input: context.value, continue: false });
    }
  });
  const inherited = celRules.default([]).parse(schema.meta()?.['x-kubernetes-validations']);
  return checked.meta({ 'x-kubernetes-validations': [...inherited, ...rules.map(celRule)] });
}

/** How rules stand in a schema's metadata, and in the CRD. */
const celRules = z.array(z.object({ rule: z.string(), message: z.string(), fieldPath: z.string().optional() }));

function celRule({ cel, message, member }: Rule<never>): z.infer<typeof celRules>[number] {
  return member === undefined ? { rule: cel, message } : { rule: cel, message, fieldPath: `.${member}` };
}
