import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { mapList } from '../../src/kinds/list.ts';

const item = z.object({ alias: z.string(), path: z.string().default('/') });

test('entries are told apart by all of their keys, also by those that were left out', () => {
  const list = mapList(item, { most: 4, keys: ['alias', 'path'] });
  assert.ok(list.safeParse([{ alias: 'a' }, { alias: 'b' }, { alias: 'a', path: '/b' }]).success);
  const result = list.safeParse([{ alias: 'a' }, { alias: 'b' }, { alias: 'a', path: '/' }]);
  assert.deepEqual(
    result.error?.issues.map(({ path, message }) => [path, message]),
    [[[2], 'must not repeat the alias and path of an entry before it']],
  );
});

test('a list says its bounds and keys, and keeps to them', () => {
  const list = mapList(item, { least: 1, most: 2, keys: ['alias'] });
  assert.deepEqual(list.meta(), { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['alias'] });
  assert.deepEqual(
    [0, 1, 2, 3].map((length) => list.safeParse(Array.from({ length }, (_, index) => ({ alias: `${index}` }))).success),
    [false, true, true, false],
  );
});
