import type { SyncRefusal } from '@smartcopy/crds';
import { OperatorError } from '../errors.ts';

/** A sync request that gets no work but a refusal; the agent reads its code. */
export class SyncRefusedError extends OperatorError {
  readonly refusal: SyncRefusal;

  constructor(refusal: SyncRefusal) {
    super('SC_SYNC_REFUSED', `the sync is refused, ${refusal.code}: ${refusal.message}`);
    this.refusal = refusal;
  }
}
