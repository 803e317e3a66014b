import { type KubeObject, keyOf, keyText, type ObjectKey, type UnparsableObject } from './resource.ts';
import { unlessAborted } from './waiting.ts';

/** Something about an object is different. With neither side, an object that was never readable appeared, changed or went. */
export interface Change<T extends KubeObject> {
  readonly key: ObjectKey;
  readonly before?: T;
  readonly after?: T;
}

export type Indexes<T extends KubeObject> = Readonly<Record<string, (object: T) => readonly string[]>>;

/**
 * The last known form of every object of one kind, kept by a `Reflector`. Objects are shared: nobody may change them.
 *
 * An object that this build cannot read is never taken for a deleted one. It keeps the last form that could be read, if there was
 * one, and `unparsable` tells that this form is old; whoever concludes something from an object's absence asks `has`.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #unparsable = new Map<string, UnparsableObject>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  readonly #listeners: ((change: Change<T>) => void)[] = [];
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;

  /** @param indexes each gives the values under which `by` finds an object */
  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, valuesOf]) => [name, { valuesOf, keys: new Map() }]));
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyText(key));
  }

  /** In no particular order. */
  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** In no particular order. @throws RangeError for an index that the store was not made with */
  by(indexName: string, value: string): readonly T[] {
    const index = this.#indexes.get(indexName);
    if (index === undefined) throw new RangeError(`this store has no index '${indexName}'`);
    return [...(index.keys.get(value) ?? [])].flatMap((text) => this.#objects.get(text) ?? []);
  }

  /** Whether the API server has such an object, readable or not. */
  has(key: ObjectKey): boolean {
    const text = keyText(key);
    return this.#objects.has(text) || this.#unparsable.has(text);
  }

  /** What is wrong with the present form of an object that cannot be read. */
  unparsable(key: ObjectKey): UnparsableObject | undefined {
    return this.#unparsable.get(keyText(key));
  }

  /** Whether everything has been listed once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#synced.promise, signal);
  }

  /** Calls the listener after each change, in order. It must not throw: there is nobody behind it who could mend that. */
  onChange(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Puts an object in, in the place of the one with its key. */
  put(object: T): void {
    const key = keyOf(object);
    const text = keyText(key);
    const before = this.#objects.get(text);
    const wasUnparsable = this.#unparsable.delete(text);
    if (before !== undefined && isSameVersion(before, object) && !wasUnparsable) return;
    this.#set(text, object);
    this.#tell(key, before, object);
  }

  /** Notes that the present form of an object cannot be read. @returns false when that was known */
  putUnparsable(unparsable: UnparsableObject): boolean {
    const text = keyText(unparsable.key);
    const known = this.#unparsable.get(text);
    if (known?.uid === unparsable.uid && known.resourceVersion === unparsable.resourceVersion) return false;
    const last = this.#objects.get(text);
    // Another object of the same name: what is known of the one before says nothing about this one.
    if (last !== undefined && last.metadata.uid !== unparsable.uid) this.#set(text, undefined);
    this.#unparsable.set(text, unparsable);
    this.#tell(unparsable.key, last, this.#objects.get(text));
    return true;
  }

  remove(key: ObjectKey): void {
    const text = keyText(key);
    const before = this.#objects.get(text);
    const wasUnparsable = this.#unparsable.delete(text);
    if (before === undefined && !wasUnparsable) return;
    this.#set(text, undefined);
    this.#tell(key, before, undefined);
  }

  /** Makes the store hold these objects and no others: what is gone is told as deleted, what is the same is not told. */
  replaceAll(objects: readonly T[], unparsable: readonly UnparsableObject[]): readonly UnparsableObject[] {
    const present = new Set([...objects.map((object) => keyText(keyOf(object))), ...unparsable.map(({ key }) => keyText(key))]);
    const known = [...[...this.#objects.values()].map(keyOf), ...[...this.#unparsable.values()].map(({ key }) => key)];
    for (const key of known) if (!present.has(keyText(key))) this.remove(key);
    for (const object of objects) this.put(object);
    const newlyUnparsable = unparsable.filter((object) => this.putUnparsable(object));
    this.#hasSynced = true;
    this.#synced.resolve();
    return newlyUnparsable;
  }

  #set(text: string, object: T | undefined): void {
    const before = this.#objects.get(text);
    for (const index of this.#indexes.values()) {
      if (before !== undefined) index.valuesOf(before).forEach((value) => void dropKey(index, value, text));
      if (object !== undefined) index.valuesOf(object).forEach((value) => void addKey(index, value, text));
    }
    if (object === undefined) this.#objects.delete(text);
    else this.#objects.set(text, object);
  }

  #tell(key: ObjectKey, before: T | undefined, after: T | undefined): void {
    const change = { key, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
    for (const listener of this.#listeners) listener(change);
  }
}

function isSameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
}

interface Index<T> {
  readonly valuesOf: (object: T) => readonly string[];
  readonly keys: Map<string, Set<string>>;
}

function addKey<T>({ keys }: Index<T>, value: string, text: string): void {
  const known = keys.get(value);
  if (known === undefined) keys.set(value, new Set([text]));
  else known.add(text);
}

function dropKey<T>({ keys }: Index<T>, value: string, text: string): void {
  const known = keys.get(value);
  known?.delete(text);
  if (known?.size === 0) keys.delete(value);
}
