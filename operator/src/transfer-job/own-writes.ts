import { type KubeObject, keyOf, keyText, type ObjectKey, type Resource } from '../kube/resource.ts';

/**
 * What this process has written and its caches have not shown yet. Who decides on an object that is older than his own last write does
 * things twice: waiting a few milliseconds for the watch is cheaper than a conflict.
 */
export class OwnWrites {
  readonly #replaced = new Map<string, { readonly version: string | undefined; readonly sinceMs: number }>();

  /**
   * An object was written.
   * @param before what the cache held; `undefined` when the object was created
   * @param after what the API server answered; `undefined` when the object was deleted
   */
  wrote(resource: Resource<KubeObject>, { before, after }: Written, nowMs: number): void {
    const object = after ?? before;
    // What left the object as it was comes with no event.
    if (object === undefined || before?.metadata.resourceVersion === after?.metadata.resourceVersion) return;
    this.#forgetOlderThan(nowMs - maxLagMs);
    this.#replaced.set(idOf(resource, keyOf(object)), { version: before?.metadata.resourceVersion, sinceMs: nowMs });
  }

  /** Whether the cache still holds what was there before the last write of this process. */
  isBehind(resource: Resource<KubeObject>, { key, cached }: Cached, nowMs: number): boolean {
    const id = idOf(resource, key);
    const replaced = this.#replaced.get(id);
    if (replaced === undefined) return false;
    if (replaced.version === cached?.metadata.resourceVersion && nowMs - replaced.sinceMs < maxLagMs) return true;
    this.#replaced.delete(id);
    return false;
  }

  #forgetOlderThan(sinceMs: number): void {
    for (const [id, replaced] of this.#replaced) {
      // In the order in which they were written, or a little later.
      if (replaced.sinceMs >= sinceMs) return;
      this.#replaced.delete(id);
    }
  }
}

interface Written {
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

interface Cached {
  readonly key: ObjectKey;
  readonly cached: KubeObject | undefined;
}

/** A watch delivers within milliseconds; one that does not is broken, and a write that meets a conflict harms nobody. */
export const maxLagMs = 5_000;

function idOf({ group, plural }: Resource<KubeObject>, key: ObjectKey): string {
  return `${plural}.${group}/${keyText(key)}`;
}
