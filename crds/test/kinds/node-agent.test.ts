import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeAliases, nodeAgentStatus } from '../../src/kinds/node-agent.ts';
import { acceptedNodeAgents, refusedNodeAgents } from './node-agent-cases.ts';
import { problemsIn } from './problems-in.ts';

const parts = { status: nodeAgentStatus };

for (const { name, document } of acceptedNodeAgents) {
  test(`accepted: ${name}`, () => assert.deepEqual(problemsIn(document, 'NodeAgent', parts), []));
}

for (const { name, document, field, message } of refusedNodeAgents) {
  test(`refused: ${name}`, () => assert.deepEqual(problemsIn(document, 'NodeAgent', parts), [`${field}: ${message}`]));
}

const namesOf = (...aliases: readonly string[]) => describeAliases(aliases.map((alias) => ({ alias })));

test('aliases are told once each, in their order', () => {
  assert.equal(namesOf('scratch', 'archive', 'scratch'), 'scratch,archive');
  assert.equal(namesOf(), '');
});

test('a text of aliases that would be too long ends after a whole one', () => {
  const aliases = Array.from({ length: 64 }, (_, index) => `${index}`.padStart(9, 'a'));
  const text = namesOf(...aliases);
  assert.ok(text.length <= 512 && text.length > 490, text);
  assert.match(text, /^(a+\d+,)+…$/);
  assert.equal(text.split(',').slice(0, -1).join(), aliases.slice(0, text.split(',').length - 1).join());
  assert.equal(namesOf('a'.repeat(255), 'b'.repeat(256)).length, 512); // Just as long as it may be.
  assert.equal(namesOf('a'.repeat(300), 'b'.repeat(211), 'c'), `${'a'.repeat(300)},…`); // The second would just not fit.
});
