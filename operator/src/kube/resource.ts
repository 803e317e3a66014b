import { type StoredMeta, storedMeta } from '@smartcopy/crds';
import { z } from 'zod';

/** A kind of object, where the API server serves it and how this build reads it. */
export interface Resource<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly schema: z.ZodType<T>;
}

/** What every stored object has. */
export interface KubeObject {
  readonly metadata: StoredMeta;
}

export interface ObjectKey {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** An object that the API server stores and this build cannot read: what it can still tell about it. */
export interface UnparsableObject {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly resourceVersion: string;
  /** One sentence for each thing that is wrong; at least one. */
  readonly problems: readonly string[];
}

export type Parsed<T extends KubeObject> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly unparsable: UnparsableObject };

/** Of an object, no more than every object has. */
export const metadataOnly = z.object({ metadata: storedMeta });

/** A kind of the core group. */
export function coreResource<T extends KubeObject>(
  names: Pick<Resource<T>, 'kind' | 'plural' | 'scope'>,
  schema: z.ZodType<T>,
): Resource<T> {
  return { group: '', version: 'v1', ...names, schema };
}

/** `namespace/name`, or the name of a cluster-scoped object; no name holds a slash. */
export function keyText({ namespace, name }: ObjectKey): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** The key that `keyText` wrote. */
export function keyFromText(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, Math.max(slash, 0)), name: text.slice(slash + 1) };
}

export function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace, name: metadata.name };
}

export function apiVersionOf({ group, version }: Resource<KubeObject>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of a collection, of one namespace or of the whole cluster. */
export function collectionPath(resource: Resource<KubeObject>, namespace = ''): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}/${resource.version}${within}/${resource.plural}`;
}

export function objectPath(resource: Resource<KubeObject>, key: ObjectKey): string {
  return `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`;
}

/**
 * Reads an object as the API server gave it.
 * @throws ZodError when even its metadata is none: then it is no object of an API server
 */
export function parseObject<T extends KubeObject>(resource: Resource<T>, raw: unknown): Parsed<T> {
  const parsed = resource.schema.safeParse(raw);
  if (parsed.success) return { ok: true, object: parsed.data };
  const { metadata } = metadataOnly.parse(raw);
  const key = keyOf({ metadata });
  const problems = parsed.error.issues.map(({ path, message }) => (path.length > 0 ? `${z.core.toDotPath(path)}: ${message}` : message));
  return { ok: false, unparsable: { key, uid: metadata.uid, resourceVersion: metadata.resourceVersion, problems } };
}
