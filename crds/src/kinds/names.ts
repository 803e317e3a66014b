import { z } from 'zod';
import { type Rule, withRules } from './rule.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
/** Labels with dots between them; read alike by JavaScript and RE2. */
export const subdomainPattern = `${label}([.]${label})*`;

/** A name of one segment, as Kubernetes writes them: RFC 1123, at most 63 characters. */
export const dnsLabel = withRules(z.string().max(63), [
  matching(`^${label}$`, "must be lower-case letters, digits and '-', and start and end with a letter or digit; for example scratch-2"),
]);

/** The name of an object or node: labels with dots between them, at most 253 characters. */
export const dnsSubdomain = withRules(z.string().max(253), [
  matching(
    `^${subdomainPattern}$`,
    "must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part; for example worker-1.example",
  ),
]);

/** @param pattern a regular expression that JavaScript and RE2 read alike: no look-around, no back references, no backslashes */
function matching(pattern: string, message: string): Rule<string> {
  const expression = new RegExp(pattern);
  return { message, holds: (text) => expression.test(text), cel: `self.matches('${pattern}')` };
}
