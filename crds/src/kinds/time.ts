import { z } from 'zod';

/** RFC 3339, as Kubernetes writes times; `Date.prototype.toISOString()` is one. */
export const time = z.iso.datetime({ offset: true });
