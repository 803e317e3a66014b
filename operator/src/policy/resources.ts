import { storedMeta } from '@smartcopy/crds';
import { z } from 'zod';
import type { Resource } from '../kube/resource.ts';

/** Of namespaces and nodes only names and labels matter: they are what selectors speak of. */
const labelled = z.object({ metadata: storedMeta });
export type LabelledObject = z.infer<typeof labelled>;

export const namespaces: Resource<LabelledObject> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  scope: 'Cluster',
  schema: labelled,
};

export const nodes: Resource<LabelledObject> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  scope: 'Cluster',
  schema: labelled,
};
