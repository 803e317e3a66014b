import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LabelSelector, selects } from '../../src/index.ts';

const labels = { team: 'ocean', stage: '', 'example.org/tier': 'gold' };

const table: readonly (readonly [name: string, selector: LabelSelector, isSelected: boolean])[] = [
  ['an empty selector selects', {}, true],
  ['a selector of empty lists selects', { matchLabels: {}, matchExpressions: [] }, true],
  ['a label with that value', { matchLabels: { team: 'ocean' } }, true],
  ['a label with another value', { matchLabels: { team: 'ice' } }, false],
  ['a label that is not there', { matchLabels: { owner: 'ocean' } }, false],
  ['an empty value is not an absent one', { matchLabels: { owner: '' } }, false],
  ['an empty value that is there', { matchLabels: { stage: '' } }, true],
  ['all labels must hold', { matchLabels: { team: 'ocean', stage: 'test' } }, false],
  ['a key with a prefix is another key', { matchLabels: { tier: 'gold' } }, false],
  ['In, one of the values', { matchExpressions: [{ key: 'team', operator: 'In', values: ['ice', 'ocean'] }] }, true],
  ['In, none of the values', { matchExpressions: [{ key: 'team', operator: 'In', values: ['ice'] }] }, false],
  ['In, without the label', { matchExpressions: [{ key: 'owner', operator: 'In', values: [''] }] }, false],
  ['NotIn, another value', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['ice'] }] }, true],
  ['NotIn, that value', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['ice', 'ocean'] }] }, false],
  ['NotIn, without the label', { matchExpressions: [{ key: 'owner', operator: 'NotIn', values: ['ice'] }] }, true],
  ['Exists, also with an empty value', { matchExpressions: [{ key: 'stage', operator: 'Exists' }] }, true],
  ['Exists, without the label', { matchExpressions: [{ key: 'owner', operator: 'Exists' }] }, false],
  ['DoesNotExist, without the label', { matchExpressions: [{ key: 'owner', operator: 'DoesNotExist' }] }, true],
  ['DoesNotExist, with an empty value', { matchExpressions: [{ key: 'stage', operator: 'DoesNotExist' }] }, false],
  [
    'all expressions must hold',
    {
      matchExpressions: [
        { key: 'team', operator: 'Exists' },
        { key: 'owner', operator: 'Exists' },
      ],
    },
    false,
  ],
  ['labels and expressions must hold', { matchLabels: { team: 'ice' }, matchExpressions: [{ key: 'team', operator: 'Exists' }] }, false],
  ['a word that every object inherits', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
  ['a word that every object inherits, excluded', { matchExpressions: [{ key: 'constructor', operator: 'NotIn', values: ['a'] }] }, true],
];
for (const [name, selector, isSelected] of table) {
  test(`${name}: ${isSelected ? 'selected' : 'not selected'}`, () => assert.equal(selects(selector, labels), isSelected));
}
