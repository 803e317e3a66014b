import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardName, transferShardSpec, transferShardStatus } from '../../src/kinds/transfer-shard.ts';
import { problemsIn } from './problems-in.ts';
import { acceptedShards, refusedShards } from './transfer-shard-cases.ts';

const parts = { spec: transferShardSpec, status: transferShardStatus };

for (const { name, document } of acceptedShards) {
  test(`accepted: ${name}`, () => assert.deepEqual(problemsIn(document, 'TransferShard', parts), []));
}

for (const { name, document, field, message } of refusedShards) {
  test(`refused: ${name}`, () => assert.deepEqual(problemsIn(document, 'TransferShard', parts), [`${field}: ${message}`]));
}

const names: readonly (readonly [name: string, isName: boolean])[] = [
  ['6f0c3a1e-r1-0', true],
  ['6f0c3a1e-r12-999999999', true],
  ['6f0c3a1-r1-0', false],
  ['6F0C3A1E-r1-0', false],
  ['6f0c3a1e-r1', false],
  ['6f0c3a1e-r1-0/../x', false],
  ['6f0c3a1e-r1-0\n', false],
];
for (const [name, isName] of names) {
  test(`${JSON.stringify(name)} is ${isName ? 'a' : 'no'} name of a shard`, () => {
    assert.equal(shardName.safeParse(name).success, isName);
  });
}
