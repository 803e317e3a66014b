import { z } from 'zod';

interface ListBounds {
  /** How many entries there are; `least` 0 when it is left out. */
  readonly least?: number;
  readonly most: number;
  /** The members that together name an entry; each name may stand in the list once. */
  readonly keys: readonly string[];
}

/** A list of objects that are told apart by some of their members: a patch changes one of them, and none may come twice. */
export function mapList<Item extends z.ZodObject>(item: Item, { least = 0, most, keys }: ListBounds) {
  const bounded = z.array(item).max(most);
  return (least === 0 ? bounded : bounded.min(least))
    .check((context) => {
      const names = context.value.map((entry) => JSON.stringify(keys.map((key) => member(entry, key))));
      names.forEach((name, index) => {
        if (names.indexOf(name) === index) return;
        const message = `must not repeat the ${keys.join(' and ')} of an entry before it`;
        context.issues.push({ code: 'custom', message, path: [index], input: context.value[index] });
      });
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [...keys] });
}

function member(entry: object, key: string): unknown {
  return Object.entries(entry).find(([name]) => name === key)?.[1];
}
