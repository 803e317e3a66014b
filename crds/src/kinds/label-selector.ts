import { z } from 'zod';
import { subdomainPattern } from './names.ts';
import { type Rule, withRules } from './rule.ts';

// As Kubernetes itself checks labels. A key that no object can have would never match, and with NotIn or DoesNotExist always.
const name = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const keyPattern = `^(${subdomainPattern}/)?${name}$`;
const valuePattern = `^(${name})?$`;
const keyForm = 'such as team or example.org/team';
const valueMessage = "must have label values: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
const maxLabels = 16;
// With 64 roots in a policy, more would pass what the API server lets rules cost.
const maxExpressions = 8;

const isKey = (text: string) => new RegExp(keyPattern).test(text);
const isValue = (text: string) => new RegExp(valuePattern).test(text);

const labelKey = z.string().max(317); // A prefix of 253, a slash, a name of 63.
const labelValue = z.string().max(63);

const expression = z.strictObject({
  key: withRules(labelKey, [{ message: `must be a label key, ${keyForm}`, holds: isKey, cel: `self.matches('${keyPattern}')` }]).describe(
    'The label.',
  ),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label is compared with values.'),
  values: withRules(z.array(labelValue).max(32), [
    {
      message: valueMessage,
      holds: (values) => values.every(isValue),
      cel: `self.all(value, value.matches('${valuePattern}'))`,
    },
  ])
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('What In and NotIn compare with; absent for Exists and DoesNotExist.'),
});
type Expression = z.infer<typeof expression>;

const valuesWhereTheyBelong: Rule<Expression> = {
  member: 'values',
  message: 'must have an entry with In and NotIn, and none with Exists and DoesNotExist; correct the operator or the values',
  holds: ({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
  cel: "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
};

// Structural schemas cannot bound keys, so their length is a rule's.
const labels = withRules(
  z
    .record(z.string(), labelValue)
    .refine((all) => Object.keys(all).length <= maxLabels, { error: `must be at most ${maxLabels} entries long`, abort: true })
    .meta({ maxProperties: maxLabels }),
  [
    {
      // `team:` without a value is dropped by kubectl apply itself: what is left of the only label must not select everything.
      message: 'must have an entry; to select everything write {} in place of the selector',
      holds: (all) => Object.keys(all).length > 0,
      cel: 'self.size() > 0',
    },
    {
      message: `must have label keys, ${keyForm}`,
      holds: (all) => Object.keys(all).every(isKey),
      cel: `self.all(key, key.matches('${keyPattern}'))`,
    },
    {
      message: valueMessage,
      holds: (all) => Object.values(all).every(isValue),
      // A label written without a value arrives as null; were it dropped, the selector would select more.
      cel: `self.all(key, type(self[key]) == string && self[key].matches('${valuePattern}'))`,
    },
  ],
);

/** metav1.LabelSelector: everything it says must hold; an empty one matches every object. */
export const labelSelector = z.strictObject({
  matchLabels: labels.optional().describe('Labels with the value each must have.'),
  matchExpressions: z
    .array(withRules(expression, [valuesWhereTheyBelong]))
    .max(maxExpressions)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Further conditions on labels.'),
});
export type LabelSelector = z.infer<typeof labelSelector>;

/** Whether an object with these labels is one that the selector means. Pure. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((one) => matches(one, labels))
  );
}

type Labels = Readonly<Record<string, string>>;

function matches({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** Only what the object itself has: every JavaScript object inherits a `constructor`, which may be a label's key too. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
