import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferPolicySpec, transferPolicyStatus } from '../../src/kinds/transfer-policy.ts';
import { problemsIn } from './problems-in.ts';
import { acceptedPolicies, policyWith, refusedPolicies } from './transfer-policy-cases.ts';

const parts = { spec: transferPolicySpec, status: transferPolicyStatus };

for (const { name, document } of acceptedPolicies) {
  test(`accepted: ${name}`, () => assert.deepEqual(problemsIn(document, 'TransferPolicy', parts), []));
}

for (const { name, document, field, message } of refusedPolicies) {
  test(`refused: ${name}`, () => assert.deepEqual(problemsIn(document, 'TransferPolicy', parts), [`${field}: ${message}`]));
}

// The API server would drop such a label, and the selector would select more; a test with a real one sees it refused there too.
test('a label written without a value is refused', () => {
  const document = policyWith({ namespaceSelector: { matchLabels: { team: null } } });
  assert.deepEqual(problemsIn(document, 'TransferPolicy', parts), ['spec.namespaceSelector.matchLabels.team: must be a string, not null']);
});

test('defaults are the closed ones', () => {
  assert.deepEqual(transferPolicySpec.parse(policyWith().spec), {
    namespaceSelector: {},
    roots: [
      {
        alias: 'scratch',
        hostPath: '/mnt/scratch',
        subPath: '',
        access: 'ReadOnly',
        crossMounts: false,
        keepSetuid: false,
        keepDevices: false,
        keepSecurityXattrs: false,
      },
    ],
  });
});
