import { z } from 'zod';
import { dnsLabel, dnsSubdomain } from './names.ts';

const setByOthers = z.unknown().optional();

/**
 * metav1.ObjectMeta. Unknown members are refused, as the API server does; members that only the API server and controllers
 * set are let through unread, so that an exported object can be given back.
 */
export const objectMeta = z.strictObject({
  name: dnsSubdomain,
  namespace: dnsLabel.optional(),
  uid: z.string().max(253).optional(),
  generation: z.int().min(0).optional(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  generateName: setByOthers,
  resourceVersion: setByOthers,
  creationTimestamp: setByOthers,
  deletionTimestamp: setByOthers,
  deletionGracePeriodSeconds: setByOthers,
  finalizers: setByOthers,
  ownerReferences: setByOthers,
  managedFields: setByOthers,
  selfLink: setByOthers,
});
