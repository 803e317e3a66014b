import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyText, type UnparsableObject } from '../../src/kube/resource.ts';
import { Store } from '../../src/kube/store.ts';
import { type Lamp, type LampText, lampOf } from './objects.ts';

const key = { namespace: 'shop', name: 'one' };

function unparsable({ name, uid = `uid-${name}`, resourceVersion = '1' }: LampText): UnparsableObject {
  return { key: { namespace: 'shop', name }, uid, resourceVersion, problems: ['color: must be Red or Green'] };
}

/** A store, and what it told: `shop/one Red->Green`. */
function heard(): { readonly store: Store<Lamp>; readonly told: string[] } {
  const store = new Store<Lamp>({ color: ({ color }) => [color] });
  const told: string[] = [];
  store.onChange(({ key: changed, before, after }) => told.push(`${keyText(changed)} ${before?.color ?? ''}->${after?.color ?? ''}`));
  return { store, told };
}

test('each change is told once, with what was there before', () => {
  const { store, told } = heard();
  store.put(lampOf({ name: 'one' }));
  store.put(lampOf({ name: 'one' }));
  store.put(lampOf({ name: 'one', color: 'Green', resourceVersion: '2' }));
  store.remove(key);
  store.remove(key);
  assert.deepEqual(told, ['shop/one ->Red', 'shop/one Red->Green', 'shop/one Green->']);
});

test('indexes follow the objects', () => {
  const { store } = heard();
  const names = (color: string): string[] => store.by('color', color).map(({ metadata }) => metadata.name);
  store.put(lampOf({ name: 'one' }));
  store.put(lampOf({ name: 'two' }));
  assert.deepEqual([names('Red'), names('Green')], [['one', 'two'], []]);
  store.put(lampOf({ name: 'one', color: 'Green', resourceVersion: '2' }));
  assert.deepEqual([names('Red'), names('Green')], [['two'], ['one']]);
  store.remove(key);
  assert.deepEqual([names('Red'), names('Green')], [['two'], []]);
  assert.throws(() => store.by('size', 'big'), /no index 'size'/);
});

test('replacing everything tells what is gone, new and changed, and nothing else', () => {
  const { store, told } = heard();
  store.replaceAll([lampOf({ name: 'same' }), lampOf({ name: 'changed' }), lampOf({ name: 'gone' })], [unparsable({ name: 'odd' })]);
  told.length = 0;
  const again = unparsable({ name: 'odd' });
  const objects = [lampOf({ name: 'same' }), lampOf({ name: 'changed', color: 'Green', resourceVersion: '2' }), lampOf({ name: 'new' })];
  assert.deepEqual(store.replaceAll(objects, [again]), [], 'it was told before');
  assert.deepEqual(told, ['shop/gone Red->', 'shop/changed Red->Green', 'shop/new ->Red']);
  assert.equal(store.list().length, 3);
  store.replaceAll([], []);
  assert.deepEqual([store.list(), store.has(again.key)], [[], false]);
});

test('an object that was replaced by another of its name is told as a change to it', () => {
  const { store, told } = heard();
  store.put(lampOf({ name: 'one' }));
  store.put(lampOf({ name: 'one', uid: 'another' }));
  assert.deepEqual(told, ['shop/one ->Red', 'shop/one Red->Red']);
});

test('an object that becomes unreadable keeps its last form', () => {
  const { store, told } = heard();
  store.put(lampOf({ name: 'one' }));
  assert.equal(store.putUnparsable(unparsable({ name: 'one', resourceVersion: '2' })), true);
  assert.equal(store.putUnparsable(unparsable({ name: 'one', resourceVersion: '2' })), false, 'once for each resourceVersion');
  assert.deepEqual([store.get(key)?.color, store.unparsable(key)?.resourceVersion, store.has(key)], ['Red', '2', true]);
  store.put(lampOf({ name: 'one' }));
  assert.equal(store.unparsable(key), undefined, 'it was changed back');
  assert.deepEqual(told, ['shop/one ->Red', 'shop/one Red->Red', 'shop/one Red->Red']);
});

test('an object that was never readable is there all the same, until it is gone', () => {
  const { store, told } = heard();
  store.putUnparsable(unparsable({ name: 'one' }));
  assert.deepEqual([store.get(key), store.list(), store.has(key)], [undefined, [], true]);
  store.remove(key);
  assert.equal(store.has(key), false);
  assert.deepEqual(told, ['shop/one ->', 'shop/one ->']);
});

test('the last form of an object says nothing about another one of its name', () => {
  const { store, told } = heard();
  store.put(lampOf({ name: 'one' }));
  store.putUnparsable(unparsable({ name: 'one', uid: 'another' }));
  assert.deepEqual([store.get(key), store.by('color', 'Red'), store.has(key)], [undefined, [], true]);
  assert.deepEqual(told.at(-1), 'shop/one Red->');
});

test('who waits for the first list gets it, or gives up', async () => {
  const { store } = heard();
  const stop = new AbortController();
  const waiting = store.whenSynced(stop.signal);
  const givenUp = store.whenSynced(AbortSignal.abort(new Error('enough')));
  await assert.rejects(givenUp, { message: 'enough' });
  assert.equal(store.hasSynced, false);
  store.replaceAll([], []);
  await waiting;
  assert.equal(store.hasSynced, true);
  await store.whenSynced(stop.signal);
});
