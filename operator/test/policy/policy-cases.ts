import { type StoredTransferPolicy, storedTransferPolicy } from '@smartcopy/crds';
import type { z } from 'zod';

type GivenSpec = z.input<typeof storedTransferPolicy>['spec'];

/** A policy as the API server stores it. */
export function storedPolicy(name: string, spec: GivenSpec, status?: StoredTransferPolicy['status']): StoredTransferPolicy {
  const metadata = { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-31T09:00:00Z' };
  return storedTransferPolicy.parse({ metadata, spec, ...(status === undefined ? {} : { status }) });
}
