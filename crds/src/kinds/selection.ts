import { z } from 'zod';
import { quantityBetween } from './quantity.ts';
import { type Rule, withRules } from './rule.ts';

/** As many characters as the engine's matcher has states for. */
export const maxPatternLength = 256;
export const maxPatterns = 128;

// Read alike by JavaScript and RE2, and saying the same as the engine's own compiler (native/src/engine/glob.cc), which
// node-agent/test/engine/glob-doors.test.ts checks. Groups nest three deep, because an expression cannot count.
const escaped = '\\\\[^/]';
const ofSet = `([^\\]\\[\\\\/]|${escaped})`;
const set = `\\[([!^]${ofSet}|[^!^\\]\\[\\\\/]|${escaped})${ofSet}*\\]`;
const plain = '[^\\\\\\]\\[{},]';
const withoutGroups = `(${plain}|${escaped}|${set})*`;
const innermost = `\\{${withoutGroups}(,${withoutGroups})+\\}`;
const middle = groupAround(innermost);
const outermost = groupAround(middle);
const wellFormed = `^(${plain}|,|${escaped}|${set}|${outermost})*$`;
const idleComponent = '(^|/)[.]{1,2}(/|$)|//|^/?$';

function groupAround(inner: string): string {
  const part = `(${plain}|${escaped}|${set}|${inner})*`;
  return `\\{${part}(,${part})+\\}`;
}

const patternRules: readonly Rule<string>[] = [
  {
    message: `must close every [ and {, hold no empty [] or {} and no / in [], have a comma in each {} and at most three {} within one another; write \\ before a character that is meant itself`,
    holds: (pattern) => new RegExp(wellFormed).test(pattern),
    cel: `self.matches(${celString(wellFormed)})`,
  },
  {
    message: "must not be empty or hold an empty, '.' or '..' component, which no path below the source has; leave it out",
    holds: (pattern) => !new RegExp(idleComponent).test(pattern),
    cel: `!self.matches(${celString(idleComponent)})`,
  },
  {
    message: 'must not contain a NUL character, which no file name can hold; remove it',
    holds: (pattern) => !pattern.includes('\0'),
    cel: String.raw`!self.contains('\u0000')`,
  },
];

function celString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const pattern = withRules(z.string().min(1).max(maxPatternLength), patternRules);

const namesFiles: Rule<string> = {
  message: "must not end in '/': an include names files; write docs/** for everything below docs",
  holds: (text) => !text.endsWith('/'),
  cel: "!self.endsWith('/')",
};

const patternList = (item: z.ZodType<string>) => z.array(item).max(maxPatterns).meta({ 'x-kubernetes-list-type': 'atomic' }).optional();

const advice = 'leave it out for no bound';

interface Bounds {
  readonly minSize?: number | undefined;
  readonly maxSize?: number | undefined;
}

const sizesInOrder: Rule<Bounds> = {
  message: 'must not have a maxSize below minSize: no file would be copied',
  holds: ({ minSize, maxSize }) => minSize === undefined || maxSize === undefined || minSize <= maxSize,
  cel:
    '!has(self.minSize) || !has(self.maxSize) || !isQuantity(string(self.minSize)) || !isQuantity(string(self.maxSize)) || ' +
    'quantity(string(self.minSize)).compareTo(quantity(string(self.maxSize))) <= 0',
};

/** Which entries of the source are copied. */
export const selection = withRules(
  z.strictObject({
    include: patternList(withRules(pattern, [namesFiles])).describe(
      'Patterns of files. With any, only files that one of them matches are copied, with the directories they need.',
    ),
    exclude: patternList(pattern).describe(
      "Patterns of files and directories that are left out, whatever includes them; an excluded directory is not walked. A pattern without '/' is " +
        "compared with the name at any depth, one with '/' with the whole path from the source down. See docs/selection.md.",
    ),
    minSize: quantityBetween({ least: '0', most: '8Pi', unit: 'bytes', advice })
      .optional()
      .describe('Regular files smaller than this are left out, a quantity such as 1Mi.'),
    maxSize: quantityBetween({ least: '0', most: '8Pi', unit: 'bytes', advice })
      .optional()
      .describe('Regular files larger than this are left out, a quantity such as 10Gi.'),
  }),
  [sizesInOrder],
);
export type Selection = z.infer<typeof selection>;

export const ordering = z.enum(['Auto', 'SmallestFirst', 'LargestFirst', 'Path']);
export type Ordering = z.infer<typeof ordering>;

export const symlinks = z.enum(['Preserve', 'Skip', 'FollowWithinRoot']);
export type Symlinks = z.infer<typeof symlinks>;

export const onConflict = z.enum(['Overwrite', 'Skip', 'Fail']);
export type OnConflict = z.infer<typeof onConflict>;

export const atomic = z.enum(['Replace', 'Always']);
export type Atomic = z.infer<typeof atomic>;
