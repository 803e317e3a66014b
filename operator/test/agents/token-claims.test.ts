import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentTokenAudience } from '@smartcopy/crds';
import { chanceFor } from '../../../test/support/chance.ts';
import { textNear } from '../../../test/support/made-text.ts';
import { readClaims } from '../../src/agents/token-claims.ts';
import { claimsOf, tokenOf, username } from './tokens.ts';

const nowMs = Date.UTC(2026, 0, 1);
const good = claimsOf({ podUid: 'uid-x', nowMs });
const read = (token: string) => {
  const claimed = readClaims(token, { username, nowMs });
  return claimed.kind === 'refused' ? claimed.reason : claimed;
};

test('a token of an agent says which pod it is bound to, and until when', () => {
  const claimed = { kind: 'claimed', podUid: 'uid-x', expiresAtMs: nowMs + 3_600_000 };
  assert.deepEqual(read(tokenOf(good)), claimed);
  assert.deepEqual(read(tokenOf({ ...good, aud: agentTokenAudience })), claimed);
  assert.deepEqual(read(tokenOf({ ...good, aud: ['other', agentTokenAudience] })), claimed);
});

const refused: readonly (readonly [what: string, token: string, reason: string])[] = [
  ['garbage', 'garbage', 'TokenRefused'],
  ['two parts', tokenOf(good).split('.').slice(0, 2).join('.'), 'TokenRefused'],
  ['four parts', `${tokenOf(good)}.x`, 'TokenRefused'],
  ['a payload that is no JSON', 'e30.e3.x', 'TokenRefused'],
  ['a payload that is no object', tokenOf(null), 'TokenRefused'],
  ['no end', tokenOf({ ...good, exp: undefined }), 'TokenRefused'],
  ['an end that is a word', tokenOf({ ...good, exp: 'never' }), 'TokenRefused'],
  ['an end that has come', tokenOf({ ...good, exp: nowMs / 1_000 }), 'TokenRefused'],
  ['no audience', tokenOf({ ...good, aud: undefined }), 'TokenRefused'],
  ['another audience', tokenOf({ ...good, aud: ['https://other.example'] }), 'WrongAudience'],
  ['another account', tokenOf({ ...good, sub: 'system:serviceaccount:smartcopy-system:default' }), 'WrongAccount'],
  ['no pod', tokenOf({ ...good, 'kubernetes.io': {} }), 'NoPod'],
  ['nothing of Kubernetes', tokenOf({ ...good, 'kubernetes.io': undefined }), 'NoPod'],
];
for (const [what, token, reason] of refused) {
  test(`a token with ${what} is not worth a question`, () => assert.equal(read(token), reason));
}

test('any text is a claim that has not expired, or refused for a reason', (t) => {
  const chance = chanceFor(t);
  const examples = [good, { ...good, exp: 1e308 }, { ...good, exp: nowMs / 1_000 - 1 }, { ...good, aud: [] }].map((claims) =>
    JSON.stringify(claims),
  );
  let claimedCount = 0;
  for (let round = 0; round < 5_000; round += 1) {
    const payload = Buffer.from(textNear(chance, examples)).toString('base64url');
    const claimed = readClaims(textNear(chance, [`e30.${payload}.x`]), { username, nowMs });
    if (claimed.kind !== 'claimed') continue;
    assert.ok(claimed.expiresAtMs > nowMs && typeof claimed.podUid === 'string');
    claimedCount += 1;
  }
  assert.ok(claimedCount > 100, `only ${claimedCount} were claims`);
});
