import { storedMeta } from '@smartcopy/crds';
import { z } from 'zod';
import type { Resource } from '../../src/kube/resource.ts';

const lamp = z.object({ metadata: storedMeta, color: z.enum(['Red', 'Green']) });
export type Lamp = z.infer<typeof lamp>;

/** A kind that no API server has: the runtime knows no kind. */
export const lamps: Resource<Lamp> = {
  group: 'test.example',
  version: 'v1',
  kind: 'Lamp',
  plural: 'lamps',
  scope: 'Namespaced',
  schema: lamp,
};

export interface LampText {
  readonly name: string;
  readonly color?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** As an API server gives it. */
export function rawLamp({ name, color = 'Red', uid = `uid-${name}`, resourceVersion = '1' }: LampText): object {
  return { metadata: { name, namespace: 'shop', uid, resourceVersion, creationTimestamp: '2026-01-31T09:30:00Z' }, color };
}

export function lampOf(text: LampText): Lamp {
  return lamp.parse(rawLamp(text));
}
