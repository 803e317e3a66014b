import { coreResource, type KubeObject, metadataOnly } from '../kube/resource.ts';

/** Of namespaces and nodes only names and labels matter: they are what selectors speak of. */
export type LabelledObject = KubeObject;

export const namespaces = coreResource({ kind: 'Namespace', plural: 'namespaces', scope: 'Cluster' }, metadataOnly);
export const nodes = coreResource({ kind: 'Node', plural: 'nodes', scope: 'Cluster' }, metadataOnly);
