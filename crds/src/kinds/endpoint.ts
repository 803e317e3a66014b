import { z } from 'zod';
import { dnsLabel, dnsSubdomain } from './names.ts';
import { type Rule, withRules } from './rule.ts';

// PATH_MAX is 4096 with the terminating NUL: no longer path fits into one system call or into one name of an object.
const maxPathBytes = 4095;

// Read alike by JavaScript and RE2. One expression over the whole path costs the API server a hundredth of split() and a look at every segment.
const parentSegment = '(^|/)[.][.](/|$)';
const idleSegment = '(^|/)[.]?(/|$)';

/** Refused, never normalised: what a person wrote and what is opened must be the same words. */
const relativePathRules: readonly Rule<string>[] = [
  {
    message: `must be at most ${maxPathBytes} bytes of UTF-8; use a root that lies deeper`,
    holds: (path) => new TextEncoder().encode(path).length <= maxPathBytes,
    // size() of a string counts code points.
    cel: `bytes(self).size() <= ${maxPathBytes}`,
  },
  {
    message: 'must not contain a NUL character, which no file name can hold; remove it',
    holds: (path) => !path.includes('\0'),
    cel: String.raw`!self.contains('\u0000')`,
  },
  {
    message: "must be relative to the root; remove the leading '/'",
    holds: (path) => !path.startsWith('/'),
    cel: "!self.startsWith('/')",
  },
  {
    message: "must not contain a '..' segment; name the directory from the root down",
    holds: (path) => !new RegExp(parentSegment).test(path),
    cel: `!self.matches('${parentSegment}')`,
  },
  {
    message: "must not contain an empty or '.' segment or end in '/'; write a/b instead of a//b, ./a/b or a/b/",
    // A leading '/' has its own sentence.
    holds: (path) => path === '' || path.startsWith('/') || !new RegExp(idleSegment).test(path),
    cel: `self == '' || self.startsWith('/') || !self.matches('${idleSegment}')`,
  },
];

/** A path below a root, as users write it; '' is the root itself. */
export const relativePath = withRules(
  z
    .string()
    .max(maxPathBytes)
    // No CEL form: the API server never sees such text, its JSON decoder replaces half surrogate pairs.
    .refine((path) => path.isWellFormed(), { error: 'must be valid Unicode; it holds half of a surrogate pair', abort: true }),
  relativePathRules,
);

/** A directory or file below a root that an administrator opened on a node. */
const nodePath = z.strictObject({
  root: dnsLabel.describe('Alias of a root directory that an administrator opened. A raw host path does not exist in this API.'),
  path: relativePath
    .default('')
    .describe(
      "Directory or file below the root, relative, at most 4095 bytes of UTF-8, segments separated by '/' without empty, '.' or '..' segments. " +
        'Empty means the root itself. The contents of a source directory become the contents of the destination; a source file becomes the destination.',
    ),
  nodeName: dnsSubdomain.describe('Node whose disk this is, as kubectl get nodes names it. Without a cluster every name means this host.'),
});
export type NodePath = z.infer<typeof nodePath>;

/** Where bytes come from or go to: exactly one member says which kind of place it is. */
export interface Endpoint {
  readonly nodePath: NodePath;
}

interface EndpointMembers {
  readonly nodePath?: NodePath | undefined;
}

const oneMember = {
  message: 'must say exactly one place; set nodePath',
  holds: (members: EndpointMembers): members is Endpoint => members.nodePath !== undefined,
  cel: '[has(self.nodePath)].filter(isSet, isSet).size() == 1',
} satisfies Rule<EndpointMembers>;

// Every kind of place is an optional member, because a structural schema has no unions; the rule makes it exactly one.
// The refinement never fails after it: it tells the type checker.
export const endpoint = withRules(z.strictObject({ nodePath: nodePath.optional().describe('A path below a root on a node.') }), [
  oneMember,
]).refine(oneMember.holds);

/** Refuses a copy into itself. For the object that holds both ends. */
export const destinationOutsideSource: Rule<{ readonly source: Endpoint; readonly destination: Endpoint }> = {
  member: 'destination',
  message:
    'must not be the source or lie inside it (same root, same nodeName); choose a destination outside of the source, or a smaller source',
  holds: ({ source: { nodePath: from }, destination: { nodePath: to } }) =>
    from.root !== to.root || from.nodeName !== to.nodeName || (from.path !== '' && !`${to.path}/`.startsWith(`${from.path}/`)),
  cel: [
    '!has(self.source.nodePath) || !has(self.destination.nodePath)',
    'self.source.nodePath.root != self.destination.nodePath.root',
    'self.source.nodePath.nodeName != self.destination.nodePath.nodeName',
    "(self.source.nodePath.path != '' && !(self.destination.nodePath.path + '/').startsWith(self.source.nodePath.path + '/'))",
  ].join(' || '),
};
