import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { apiVersionOf, collectionPath, keyFromText, keyText, objectPath, parseObject } from '../../src/kube/resource.ts';
import { lampOf, lamps, rawLamp } from './objects.ts';

test('a key and its text are the same thing', () => {
  for (const key of [
    { namespace: 'shop', name: 'one' },
    { namespace: '', name: 'node-1.example.com' },
  ]) {
    assert.deepEqual(keyFromText(keyText(key)), key);
  }
  assert.equal(keyText({ namespace: 'shop', name: 'one' }), 'shop/one');
  assert.equal(keyText({ namespace: '', name: 'one' }), 'one');
});

test('paths are those of the Kubernetes API', () => {
  const core = { ...lamps, group: '' };
  assert.equal(collectionPath(core), '/api/v1/lamps');
  assert.equal(collectionPath(lamps, 'shop'), '/apis/test.example/v1/namespaces/shop/lamps');
  assert.equal(objectPath(lamps, { namespace: '', name: 'one' }), '/apis/test.example/v1/lamps/one');
  assert.equal(objectPath(core, { namespace: 'a/..', name: 'b?c' }), '/api/v1/namespaces/a%2F../lamps/b%3Fc');
  assert.deepEqual([apiVersionOf(core), apiVersionOf(lamps)], ['v1', 'test.example/v1']);
});

test('an object that cannot be read keeps its name and says what is wrong', () => {
  assert.deepEqual(parseObject(lamps, rawLamp({ name: 'one' })), { ok: true, object: lampOf({ name: 'one' }) });
  const parsed = parseObject(lamps, rawLamp({ name: 'one', color: 'Mauve', resourceVersion: '7' }));
  assert.ok(!parsed.ok);
  const { problems, ...rest } = parsed.unparsable;
  assert.deepEqual(rest, { key: { namespace: 'shop', name: 'one' }, uid: 'uid-one', resourceVersion: '7' });
  assert.match(problems.join(), /^color: [^,]*Red[^,]*Green/);
  assert.throws(() => parseObject(lamps, { color: 'Red' }), z.ZodError);
});
